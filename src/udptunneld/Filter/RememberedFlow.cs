using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

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
