// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>The name of a relay to which nobody gave one.</summary>
internal static class RelayName
{
    /// <summary>
    /// Role, host and port of the UDP side, as far as a name may have such characters: <c>receiver-53</c>,
    /// <c>sender-internal-dns.lan-53</c>. The same options give the same name, so that 'down' knows what 'relay'
    /// started.
    /// </summary>
    /// <param name="role"><c>receiver</c> or <c>sender</c>.</param>
    /// <param name="udpAddress">From the user, right or wrong.</param>
    public static string For(string role, string udpAddress)
    {
        var name = new StringBuilder(role);
        var port = udpAddress.LastIndexOf(':');
        var host = port < 0 ? udpAddress : udpAddress[..port];
        var tail = port < 0 ? "" : "-" + Safe(udpAddress[(port + 1)..]);
        tail = tail.Length > 6 ? tail[..6] : tail;
        var middle = Safe(host.Trim('[', ']'));
        if (middle.Length > 0)
        {
            var room = ConfigurationName.MaxLength - role.Length - 1 - tail.Length;
            name.Append('-').Append(middle.Length > room ? middle[..room] : middle);
        }

        return name.Append(tail).ToString();
    }

    private static string Safe(string text)
    {
        var safe = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            safe.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-');
        }

        return safe.ToString();
    }
}
