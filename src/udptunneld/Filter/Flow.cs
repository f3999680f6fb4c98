// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// What tells one conversation from another: protocol, both addresses and both ports, as in the packet that opened it.
/// </summary>
/// <param name="Protocol">6 (TCP) or 17 (UDP), as in the IP header.</param>
/// <param name="SourceAddress">Address of the end that opened the flow, an IPv4 address in its mapped form.</param>
/// <param name="DestinationAddress">Address of the end that was called, likewise.</param>
/// <param name="SourcePort">Port of the end that opened the flow, 0 to 65,535.</param>
/// <param name="DestinationPort">The allowed port that was called, 1 to 65,535.</param>
internal readonly record struct Flow(
    byte Protocol,
    UInt128 SourceAddress,
    UInt128 DestinationAddress,
    ushort SourcePort,
    ushort DestinationPort
)
{
    /// <summary>A flow of IPv4; 192.0.2.1 is 0xC0000201.</summary>
    public Flow(byte protocol, uint sourceAddress, uint destinationAddress, ushort sourcePort, ushort destinationPort)
        : this(protocol, Mapped(sourceAddress), Mapped(destinationAddress), sourcePort, destinationPort) { }

    /// <summary>An IPv4 address (host order) in its mapped form.</summary>
    public static UInt128 Mapped(uint address) => PacketView.MappedPrefix | address;
}

/// <summary>A flow of the flow table, as statistics show it and a saver stores it.</summary>
/// <param name="Flow">The flow, as in the packet that opened it.</param>
/// <param name="OpenedBy">The direction of the packets that opened it; its answers come from the other one.</param>
/// <param name="Age">Seconds since its last packet in that direction.</param>
internal readonly record struct RememberedFlow(Flow Flow, Direction OpenedBy, uint Age)
{
    /// <summary>Number of the peer at the other end of the tunnel.</summary>
    public ushort Peer { get; init; }

    /// <summary>What is known of it.</summary>
    public FlowState State { get; init; } =
        Flow.Protocol == Ipv4Header.Tcp ? FlowState.Established : FlowState.Answered;
}
