// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Daemon;

/// <summary>Where the daemon is looked for.</summary>
/// <param name="Host">The host; null for this one.</param>
/// <param name="Socket">Path of its control socket; null for what that host takes as the default.</param>
internal sealed record DaemonPlace(SshHost? Host, string? Socket)
{
    /// <summary>Where the packaged daemon listens.</summary>
    public const string DefaultSocket = "/run/udptunnel/udptunneld.sock";

    /// <summary>The environment variable that stands in for <c>--socket</c>.</summary>
    public const string SocketVariable = "UDPTUNNEL_SOCKET";

    /// <summary>The environment variable that stands in for <c>--host</c>.</summary>
    public const string HostVariable = "UDPTUNNEL_HOST";

    /// <summary>Path of the socket on this host.</summary>
    public string LocalSocket => Socket ?? DefaultSocket;

    /// <summary>As messages name it.</summary>
    public string Name => Host?.ToString() ?? LocalSocket;

    /// <summary>
    /// The options if given, else the environment variables if they are set and not empty, else this host's default. A
    /// path belongs to the host that is named with it: a variable with a path is for this host, and an option with one
    /// alone means this host, whatever a variable says.
    /// </summary>
    /// <exception cref="Failures.CommandException">Neither can be understood.</exception>
    public static DaemonPlace Resolve(string? host, string? socket, Func<string, string?> environment)
    {
        var there = host ?? (socket is null ? Set(environment, HostVariable) : null);
        return there is not null
            ? new DaemonPlace(SshHost.Parse(there), socket is null ? null : SshHost.CheckSocket(socket))
            : new DaemonPlace(null, socket ?? Set(environment, SocketVariable));
    }

    private static string? Set(Func<string, string?> environment, string name) =>
        environment(name) is { Length: > 0 } value ? value : null;
}
