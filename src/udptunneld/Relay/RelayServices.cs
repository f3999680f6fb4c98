// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Link;

namespace UdpTunnel.Relay;

/// <summary>What all relays of the daemon share.</summary>
/// <param name="Events">Where to tell what happens.</param>
/// <param name="Time">The clock.</param>
/// <param name="GetIdentity">This daemon's key, made when first asked for.</param>
/// <param name="SendersChanged">A sender came, went or changed.</param>
/// <param name="Supervised">What stands behind their threads.</param>
/// <param name="Addresses">The addresses of this host, as of the last refresh.</param>
internal sealed record RelayServices(
    EventLog Events,
    TimeProvider Time,
    Func<Identity> GetIdentity,
    Action SendersChanged,
    Supervised Supervised,
    HostAddresses Addresses
);
