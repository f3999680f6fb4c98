namespace UdpTunnel.Config;

/// <summary>
/// Whether a sender tells the service who the client is, by a header of the PROXY protocol, version 2, in front of
/// datagrams (haproxy's doc/proxy-protocol.txt, section 2.2).
/// </summary>
public enum ProxyProtocol
{
    /// <summary>It does not.</summary>
    Off,

    /// <summary>In front of the first datagram of each flow.</summary>
    V2,

    /// <summary>In front of every datagram.</summary>
    V2Every,
}
