// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Daemon;

/// <summary>An open connection and the services behind it.</summary>
/// <param name="invoker">Makes the calls.</param>
/// <param name="resource">What to dispose of with the connection.</param>
internal sealed class DaemonConnection(CallInvoker invoker, IDisposable resource) : IDisposable
{
    /// <summary>Start, stop, look at and change tunnels.</summary>
    public TunnelService.TunnelServiceClient Tunnels => new(invoker);

    /// <summary>Start, stop and look at relays, and let senders in.</summary>
    public RelayService.RelayServiceClient Relays => new(invoker);

    /// <summary>What happened.</summary>
    public EventService.EventServiceClient Events => new(invoker);

    /// <summary>The daemon itself.</summary>
    public DaemonService.DaemonServiceClient Daemon => new(invoker);

    /// <inheritdoc/>
    public void Dispose() => resource.Dispose();
}
