// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;

namespace UdpTunnel.Linux;

/// <summary>An IPv4 address of a network device of this host.</summary>
/// <param name="Address">In host order.</param>
/// <param name="PrefixLength">Of its network, 0 to 32.</param>
/// <param name="Link">Number of the device.</param>
internal readonly record struct LinkAddress(uint Address, int PrefixLength, int Link);

/// <summary>An IPv6 address of a network device of this host.</summary>
/// <param name="Address">In host order.</param>
/// <param name="PrefixLength">Of its network, 0 to 128.</param>
/// <param name="Link">Number of the device.</param>
internal readonly record struct LinkAddressV6(UInt128 Address, int PrefixLength, int Link);

/// <summary>Packets that a device has lost since it was made.</summary>
/// <param name="Received">That it gave to this host and the kernel did not take (rx_dropped).</param>
/// <param name="Sent">
/// That this host gave to it (tx_dropped): of a TUN device those for which its queue had no room.
/// </param>
internal readonly record struct LinkLosses(long Received, long Sent);

/// <summary>How this host reaches an address.</summary>
/// <param name="Link">Number of the device.</param>
/// <param name="IsLocal">Whether the address is this host's own.</param>
/// <param name="Source">The address that this host sends from, if the kernel tells one.</param>
internal sealed record RouteTo(int Link, bool IsLocal, IPAddress? Source);

/// <summary>A route of this host by one device, as somebody has added it.</summary>
/// <param name="Network">The destination.</param>
/// <param name="Gateway">Null if the destination is on the link.</param>
/// <param name="Table">Number of the routing table.</param>
/// <param name="Metric">Of several routes to one network that with the least is taken; 0 for none.</param>
/// <param name="Source">The address to send from; null for the kernel's choice.</param>
internal readonly record struct DeviceRoute(
    IpPrefix Network,
    IPAddress? Gateway,
    uint Table,
    uint Metric,
    IPAddress? Source
);

/// <summary>An IPv4 route of this host to other hosts.</summary>
/// <param name="Network">First address of the destination, in host order; 0 for the default route.</param>
/// <param name="PrefixLength">Of the destination, 0 to 32.</param>
/// <param name="Gateway">In host order; null if the destination is on the link.</param>
/// <param name="Link">Number of the device; null if the route has several.</param>
internal readonly record struct Route(uint Network, int PrefixLength, uint? Gateway, int? Link);
