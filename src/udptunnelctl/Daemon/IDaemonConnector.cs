using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>Reaches a daemon.</summary>
internal interface IDaemonConnector
{
    /// <summary>Connects to the control socket.</summary>
    /// <param name="path">A Unix domain socket.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="CommandException">Nobody listens there, or the caller may not open it; says which.</exception>
    Task<DaemonConnection> ConnectAsync(string path, CancellationToken cancellation);
}
