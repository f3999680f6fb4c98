namespace UdpTunnel.Linux;

/// <summary>
/// From which of this host's addresses the answers to peers have to go: the one that each called, because a NAT or
/// firewall at the peer knows no other. Fixed in
/// size; an endpoint that has no place any more is answered from the address that the kernel chooses. Belongs to the
/// thread that receives.
/// </summary>
/// <remarks>Only what a peer's datagram said is kept: others could give themselves out for it. What is answered at once
/// needs no keeping.</remarks>
internal sealed class AnswerSources
{
    private const int Capacity = 1024;

    private readonly (Endpoint Peer, SourceAddress Local)[] _known = new (Endpoint, SourceAddress)[Capacity];
    private Endpoint _source;
    private SourceAddress _local;

    /// <summary>A message is looked at.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="local">Where it came to.</param>
    public void OnMessage(in Endpoint source, in SourceAddress local)
    {
        _source = source;
        _local = local;
    }

    /// <summary>The message was a peer's.</summary>
    public void OnPeer()
    {
        ref var known = ref _known[PlaceOf(_source)];
        if (known.Local != _local || !known.Peer.Equals(_source))
        {
            known = (_source, _local);
        }
    }

    /// <summary>The address to send to an endpoint from; none if the kernel may choose.</summary>
    public SourceAddress Of(in Endpoint endpoint)
    {
        if (endpoint.Equals(_source))
        {
            return _local;
        }

        ref readonly var known = ref _known[PlaceOf(endpoint)];
        return known.Peer.Equals(endpoint) ? known.Local : default;
    }

    /// <summary>The address that was said for an endpoint is this host's no more.</summary>
    public void Forget(in Endpoint endpoint)
    {
        if (endpoint.Equals(_source))
        {
            _local = default;
        }

        ref var known = ref _known[PlaceOf(endpoint)];
        if (known.Peer.Equals(endpoint))
        {
            known = default;
        }
    }

    // HashCode has a seed of its own in each process.
    private static int PlaceOf(in Endpoint endpoint)
    {
        var (high, low) = endpoint.AddressBits;
        return (int)((uint)HashCode.Combine(high, low, endpoint.OtherBits) % Capacity);
    }
}
