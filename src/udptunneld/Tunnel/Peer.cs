using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The other end of a tunnel. Its endpoint is set by the worker that receives (server) or by the name look-ups (client) and read by the
/// worker that sends.
/// </summary>
internal sealed class Peer
{
    private Address? _address;
    private long _lastHeard;
    private long _changes;
    private long _packetsOut;
    private long _bytesOut;
    private long _packetsIn;
    private long _bytesIn;

    /// <summary>Its number in the tunnel, which tells its flows from others'.</summary>
    public ushort Number { get; init; }

    /// <summary>Inner packets that went to it and came from it, and passed. For any thread.</summary>
    public TrafficTotals Traffic => new(
        Volatile.Read(ref _packetsOut), Volatile.Read(ref _bytesOut), Volatile.Read(ref _packetsIn), Volatile.Read(ref _bytesIn));

    /// <summary>Where to send; null if not known yet. One reference, so that no thread sees half of a new address.</summary>
    public Address? Current => Volatile.Read(ref _address);

    /// <summary>When a datagram last came from the peer, in milliseconds of the monotonic clock; 0 if none came yet.</summary>
    public long LastHeard
    {
        get => Volatile.Read(ref _lastHeard);
        set => Volatile.Write(ref _lastHeard, value);
    }

    /// <summary>How often another endpoint took the place of a known one.</summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>Counts packets that went to it. For the worker.</summary>
    public void CountOut(long packets, long bytes)
    {
        _packetsOut += packets;
        _bytesOut += bytes;
    }

    /// <summary>Counts packets that came from it and passed the filter. For the worker.</summary>
    public void CountIn(long packets, long bytes)
    {
        _packetsIn += packets;
        _bytesIn += bytes;
    }

    /// <summary>Takes another endpoint. Rare, so it may allocate.</summary>
    /// <returns>The endpoint before; none if this is the first.</returns>
    public Endpoint Move(in Endpoint endpoint)
    {
        var before = Interlocked.Exchange(ref _address, new Address(endpoint));
        if (before is not null)
        {
            Interlocked.Increment(ref _changes);
        }

        return before?.Endpoint ?? default;
    }

    /// <summary>An endpoint that never changes.</summary>
    internal sealed class Address(Endpoint endpoint)
    {
        private readonly Endpoint _endpoint = endpoint;

        /// <summary>The endpoint.</summary>
        public ref readonly Endpoint Endpoint => ref _endpoint;
    }
}
