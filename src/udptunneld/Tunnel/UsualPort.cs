// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The UDP port that a client of a classic tunnel tries first. It is the same at each start, so that a server finds the
/// client where it was and need not ask whether it has moved (<see cref="PeerClaims"/>), and a NAT has the mapping
/// still. Nobody else can tell it: it comes from the secret number of this host.
/// </summary>
internal static class UsualPort
{
    /// <summary>The port, one that the kernel might choose; 0 leaves it to the kernel.</summary>
    public static int Of(TunnelConfig config)
    {
        try
        {
            var range = Read("/proc/sys/net/ipv4/ip_local_port_range").Split('\t');
            return Choose(
                Read("/etc/machine-id"),
                $"{config.Name} {config.NetworkAddress}",
                int.Parse(range[0], CultureInfo.InvariantCulture),
                int.Parse(range[1], CultureInfo.InvariantCulture),
                Read("/proc/sys/net/ipv4/ip_local_reserved_ports")
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }

    /// <summary>The same, of what is known of the host.</summary>
    /// <param name="secret">Of the host; empty if it has none.</param>
    /// <param name="tunnel">What tells the tunnel from others.</param>
    /// <param name="first">The first port that the kernel chooses from.</param>
    /// <param name="last">The last one.</param>
    /// <param name="reserved">Ports that it leaves alone: <c>8080,9000-9100</c>.</param>
    public static int Choose(string secret, string tunnel, int first, int last, string reserved)
    {
        if (secret.Length == 0 || last < first)
        {
            return 0;
        }

        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{secret} {tunnel}"));
        var port = first + (int)(BinaryPrimitives.ReadUInt32BigEndian(hash) % (uint)(last - first + 1));
        var isReserved = reserved
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Any(part => PortRange.TryParse(part, out var range, out _) && port >= range.First && port <= range.Last);
        return isReserved ? 0 : port;
    }

    private static string Read(string path) => File.ReadAllText(path).Trim();
}
