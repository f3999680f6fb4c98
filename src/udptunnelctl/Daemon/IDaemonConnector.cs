// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>Reaches a daemon.</summary>
internal interface IDaemonConnector
{
    /// <summary>Connects to the control socket.</summary>
    /// <param name="place">Where it is.</param>
    /// <param name="mayAsk">Whether the user may be asked for a password or about a host's key.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="CommandException">Nobody listens there, or the caller may not open it; says which.</exception>
    Task<DaemonConnection> ConnectAsync(DaemonPlace place, bool mayAsk, CancellationToken cancellation);

    /// <summary>Connects to a control socket of this host, for its bytes.</summary>
    /// <param name="path">A Unix domain socket.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="CommandException">As for <see cref="ConnectAsync"/>.</exception>
    Task<NetworkStream> DialAsync(string path, CancellationToken cancellation);
}
