// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text.RegularExpressions;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>A host whose daemon is reached by ssh(1): <c>ssh://[USER@]HOST[:PORT]</c>.</summary>
/// <param name="User">The user there; null for what ssh's own configuration says.</param>
/// <param name="Host">A name (also one of ssh's configuration) or an address, an IPv6 one without brackets.</param>
/// <param name="Port">The port; null for what ssh's own configuration says.</param>
internal sealed partial record SshHost(string? User, string Host, ushort? Port)
{
    /// <summary>Longer than most round trips, and shorter than the kernel tries.</summary>
    private const int ConnectSeconds = 15;

    /// <summary>Reads what a user wrote.</summary>
    /// <exception cref="CommandException">It is not such a host.</exception>
    public static SshHost Parse(string text)
    {
        var match = Form().Match(text);
        var port = match.Groups["port"];
        if (!match.Success || (port.Success && (!TryReadPort(port.Value, out var number) || number == 0)))
        {
            throw UsageFailure.Usage(
                $"'{text}' is not a host: ssh://[USER@]HOST[:PORT]",
                $"See --host and {DaemonPlace.HostVariable}."
            );
        }

        return new SshHost(
            match.Groups["user"] is { Success: true, Value: var user } ? user : null,
            match.Groups["address"] is { Success: true, Value: var address } ? address : match.Groups["name"].Value,
            port.Success && TryReadPort(port.Value, out var read) ? read : null
        );
    }

    /// <summary>A path that the other host's shell takes as it is, whichever shell that is.</summary>
    /// <exception cref="CommandException">It has a character that a shell may understand differently.</exception>
    public static string CheckSocket(string path) =>
        PlainPath().IsMatch(path)
            ? path
            : throw UsageFailure.Usage(
                $"'{path}' cannot be the path of a socket on another host",
                "With --host, it begins with '/' and has letters, digits and _ . @ % + = : , - only."
            );

    /// <summary>The words behind <c>ssh</c>.</summary>
    /// <param name="socket">Path of the control socket there; null for the default.</param>
    /// <param name="mayAsk">Whether ssh may ask the user for a password or about a host's key.</param>
    public IEnumerable<string> Arguments(string? socket, bool mayAsk)
    {
        // A forwarding of the user's configuration belongs to a session of theirs, which may run already.
        string[] options =
        [
            "-T",
            "-o",
            string.Create(CultureInfo.InvariantCulture, $"ConnectTimeout={ConnectSeconds}"),
            "-o",
            "ClearAllForwardings=yes",
        ];
        return
        [
            .. options,
            .. mayAsk ? Array.Empty<string>() : ["-o", "BatchMode=yes"],
            .. User is null ? Array.Empty<string>() : ["-l", User],
            .. Port is { } port ? ["-p", port.ToString(CultureInfo.InvariantCulture)] : Array.Empty<string>(),
            "--",
            Host,
            "udptunnelctl",
            .. socket is null ? Array.Empty<string>() : ["--socket", socket],
            "dial-stdio",
        ];
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"ssh://{(User is null ? "" : $"{User}@")}{host}{(Port is { } port ? $":{port}" : "")}"
        );
    }

    private static bool TryReadPort(string text, out ushort port) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);

    // Neither a user nor a host begins with '-', which ssh would take for an option.
    [GeneratedRegex(
        """
            ^ssh://
            (?: (?<user> [A-Za-z0-9_] [A-Za-z0-9._-]* ) @ )?
            (?: \[ (?<address> [0-9A-Fa-f:.]+ (?: % [A-Za-z0-9_.-]+ )? ) \] | (?<name> [A-Za-z0-9_] [A-Za-z0-9._-]* ) )
            (?: : (?<port> [0-9]{1,5} ) )?
            /?\z
            """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant
    )]
    private static partial Regex Form();

    [GeneratedRegex(@"^/[A-Za-z0-9_.@%+=:,/-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PlainPath();
}
