namespace UdpTunnel.Relay.Flows;

/// <summary>First and last of a flow's datagrams in a <see cref="FlowBatch{T}"/>; valid while the number is the batch's.</summary>
internal struct BatchChain
{
    /// <summary>The batch that it belongs to.</summary>
    public long Batch;

    /// <summary>Index of the last datagram.</summary>
    public int Last;
}
