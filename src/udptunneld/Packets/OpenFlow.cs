namespace UdpTunnel.Packets;

/// <summary>A flow with a group that further packets may join.</summary>
internal struct OpenFlow
{
    /// <summary>Source and destination address, as they stand in the IP header.</summary>
    public ulong Addresses;

    /// <summary>Source and destination port, as they stand in the transport header, below the protocol.</summary>
    public ulong PortsAndProtocol;

    /// <summary>Index of the group.</summary>
    public int Group;
}
