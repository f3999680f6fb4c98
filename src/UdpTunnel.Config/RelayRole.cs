namespace UdpTunnel.Config;

/// <summary>The field <c>Relay</c>: which end of a relay this host is.</summary>
public enum RelayRole
{
    /// <summary>The reachable end: takes datagrams from clients and one TCP connection from the sender.</summary>
    Receiver,

    /// <summary>
    /// The end inside the private network: connects to the receiver and passes datagrams to the service.
    /// </summary>
    Sender,
}
