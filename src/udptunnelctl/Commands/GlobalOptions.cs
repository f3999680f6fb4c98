namespace UdpTunnel.Cli.Commands;

/// <summary>The options that every command takes, before or after its name.</summary>
internal static class GlobalOptions
{
    /// <summary>Path of the control socket.</summary>
    public static readonly OptionInfo Socket = OptionInfo.Value(
        "socket",
        "PATH",
        "The daemon's control socket. Default: UDPTUNNEL_SOCKET, else " + Daemon.ControlSocket.DefaultPath
    );

    /// <summary>JSON instead of text.</summary>
    public static readonly OptionInfo Json = OptionInfo.Flag(
        "json",
        "Write one JSON object (a stream: one on each line)"
    );
}
