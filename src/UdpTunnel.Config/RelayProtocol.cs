namespace UdpTunnel.Config;

/// <summary>The field <c>Protocol</c>: the wire format on a relay's TCP connection.</summary>
public enum RelayProtocol
{
    /// <summary>TLS 1.3 with keys on both sides and binary frames.</summary>
    Tls,

    /// <summary>A stream of JSON objects without encryption, as <c>mcudpt</c> speaks it.</summary>
    Classic,
}
