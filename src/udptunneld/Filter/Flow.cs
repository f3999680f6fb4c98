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
    ushort DestinationPort)
{
    /// <summary>A flow of IPv4; 192.0.2.1 is 0xC0000201.</summary>
    public Flow(
        byte protocol, uint sourceAddress, uint destinationAddress, ushort sourcePort, ushort destinationPort)
        : this(protocol, Mapped(sourceAddress), Mapped(destinationAddress), sourcePort, destinationPort)
    {
    }

    /// <summary>An IPv4 address (host order) in its mapped form.</summary>
    public static UInt128 Mapped(uint address) => PacketView.MappedPrefix | address;
}
