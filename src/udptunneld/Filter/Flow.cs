namespace UdpTunnel.Filter;

/// <summary>
/// What tells one conversation from another: protocol, both addresses and both ports, as in the packet that opened it.
/// </summary>
/// <param name="Protocol">6 (TCP) or 17 (UDP), as in the IPv4 header.</param>
/// <param name="SourceAddress">IPv4 address of who opened the flow; 192.0.2.1 is 0xC0000201.</param>
/// <param name="DestinationAddress">IPv4 address of who was called; 192.0.2.1 is 0xC0000201.</param>
/// <param name="SourcePort">Port of who opened the flow, 0 to 65,535.</param>
/// <param name="DestinationPort">The allowed port that was called, 1 to 65,535.</param>
internal readonly record struct Flow(
    byte Protocol,
    uint SourceAddress,
    uint DestinationAddress,
    ushort SourcePort,
    ushort DestinationPort);
