namespace UdpTunnel.Linux;

/// <summary>Which superpackets a TUN device hands over and takes.</summary>
[Flags]
internal enum TunOffloads
{
    /// <summary>None: every packet is at most the MTU.</summary>
    None = 0,

    /// <summary>TCP superpackets (TSO).</summary>
    Tcp = 1,

    /// <summary>UDP superpackets (USO).</summary>
    Udp = 2,
}
