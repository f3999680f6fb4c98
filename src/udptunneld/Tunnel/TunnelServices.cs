// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>What all tunnels of the daemon share.</summary>
/// <param name="Workers">Who serves them.</param>
/// <param name="Addresses">The addresses of this host, as of the last refresh.</param>
/// <param name="Changes">Tells when these or its routes have changed.</param>
/// <param name="Events">Where to tell what happens.</param>
/// <param name="Time">The clock.</param>
internal sealed record TunnelServices(
    WorkerPool Workers,
    HostAddresses Addresses,
    NetworkChanges Changes,
    EventLog Events,
    TimeProvider Time
);
