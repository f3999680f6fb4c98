using System.Numerics;
using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// A flow in 97 bits, as the flow table stores and hashes it.
/// <code>
///            63            32 31             0            32            17 16             1     0
///            +---------------+---------------+           +---------------+---------------+-----+
/// Addresses  |    source     |  destination  |    Ports  |  source port  |  destin. port | TCP |
///            +---------------+---------------+           +---------------+---------------+-----+
/// </code>
/// </summary>
internal readonly unsafe struct FlowKey
{
    /// <summary>Both addresses, as numbers.</summary>
    public readonly ulong Addresses;

    /// <summary>Both ports and the protocol, 33 bits. Never 0, because the destination port is an allowed
    /// one.</summary>
    public readonly ulong Ports;

    private FlowKey(ulong addresses, ulong ports)
    {
        Addresses = addresses;
        Ports = ports;
    }

    /// <summary>The flow of a packet. The caller has checked that both headers are there, and that it is TCP or
    /// UDP.</summary>
    /// <param name="ip">First byte of the IPv4 header.</param>
    /// <param name="transport">First byte of the TCP or UDP header.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FlowKey(byte* ip, byte* transport)
    {
        Addresses = ((ulong)NetworkOrder.ReadUInt32(ip + Ipv4Header.Source) << 32)
            | NetworkOrder.ReadUInt32(ip + Ipv4Header.Destination);
        Ports = ((ulong)NetworkOrder.ReadUInt32(transport) << 1)
            | (ip[Ipv4Header.Protocol] == Ipv4Header.Tcp ? 1u : 0u);
    }

    /// <param name="flow">A flow of TCP or UDP.</param>
    public FlowKey(in Flow flow)
    {
        Addresses = ((ulong)flow.SourceAddress << 32) | flow.DestinationAddress;
        Ports = ((ulong)flow.SourcePort << 17) | ((uint)flow.DestinationPort << 1)
            | (flow.Protocol == Ipv4Header.Tcp ? 1u : 0u);
    }

    /// <summary>0 to 65,535.</summary>
    public ushort SourcePort => (ushort)(Ports >> 17);

    /// <summary>0 to 65,535.</summary>
    public ushort DestinationPort => (ushort)(Ports >> 1);

    /// <summary>The flow of the answers: source and destination exchanged.</summary>
    public FlowKey Reversed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(
            BitOperations.RotateLeft(Addresses, 32),
            ((ulong)BitOperations.RotateLeft((uint)(Ports >> 1), 16) << 1) | (Ports & 1));
    }

    /// <summary>The flow in words that people use.</summary>
    public static Flow ToFlow(ulong addresses, ulong ports) => new(
        (ports & 1) != 0 ? Ipv4Header.Tcp : Ipv4Header.Udp,
        (uint)(addresses >> 32),
        (uint)addresses,
        (ushort)(ports >> 17),
        (ushort)(ports >> 1));

    /// <summary>Whether it is the same flow in the same direction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Is(FlowKey other) => Addresses == other.Addresses && Ports == other.Ports;
}
