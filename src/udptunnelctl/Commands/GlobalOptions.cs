using System.CommandLine;

namespace UdpTunnel.Cli.Commands;

/// <summary>The options that every command takes, before or after its name.</summary>
internal sealed class GlobalOptions
{
    /// <summary>Path of the control socket.</summary>
    public Option<string?> Socket { get; } = new("--socket")
    {
        Description = "The daemon's control socket. Default: UDPTUNNEL_SOCKET, else " + Daemon.ControlSocket.DefaultPath,
        HelpName = "PATH",
        Recursive = true,
    };

    /// <summary>JSON instead of text.</summary>
    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Write one JSON object (a stream: one on each line)",
        Recursive = true,
    };
}
