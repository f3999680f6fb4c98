namespace UdpTunnel.Relay.Wire;

/// <summary>What a codec found at the start of the bytes.</summary>
internal enum FrameStatus
{
    /// <summary>A whole frame.</summary>
    Complete,

    /// <summary>The start of one; more bytes are needed.</summary>
    Incomplete,

    /// <summary>Nothing that the protocol knows: the connection has to end.</summary>
    Malformed,
}
