namespace UdpTunnel.Relay.Wire;

/// <summary>One frame that was read. It points into the reader's buffer and is valid as long as that.</summary>
internal readonly unsafe ref struct RelayFrame
{
    /// <summary>What it is.</summary>
    public FrameType Type { get; init; }

    /// <summary>The flow, where the protocol numbers flows.</summary>
    public uint FlowId { get; init; }

    /// <summary>The flow's client, where the protocol names flows by it.</summary>
    public ReadOnlySpan<byte> Host { get; init; }

    /// <summary>First byte of the payload.</summary>
    public byte* Start { get; init; }

    /// <summary>Bytes of the payload.</summary>
    public int Length { get; init; }

    /// <summary>The payload.</summary>
    public ReadOnlySpan<byte> Payload => new(Start, Length);
}
