// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Commands;

/// <summary>The options that every command takes, before or after its name.</summary>
internal static class GlobalOptions
{
    /// <summary>Path of the control socket.</summary>
    public static readonly OptionInfo Socket = OptionInfo.Value(
        "socket",
        "PATH",
        "The daemon's control socket. Default: UDPTUNNEL_SOCKET, else " + Daemon.DaemonPlace.DefaultSocket
    );

    /// <summary>Another host.</summary>
    public static readonly OptionInfo Host = OptionInfo.Value(
        "host",
        "ssh://[USER@]HOST[:PORT]",
        "Ask the daemon of another host, by ssh and udptunnelctl there. Default: UDPTUNNEL_HOST, else this host"
    );

    /// <summary>JSON instead of text.</summary>
    public static readonly OptionInfo Json = OptionInfo.Flag(
        "json",
        "Write one JSON object (a stream: one on each line)"
    );
}
