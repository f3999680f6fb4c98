// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Another end of a tunnel. Its endpoint is set by the worker that receives or by the look-ups of a name, and read by
/// the worker that sends.
/// </summary>
internal class Peer
{
    private volatile PortBitmap? _ports;
    private Address? _address;
    private long _lastHeard;
    private long _changes;
    private uint _inner;
    private int _longestPacket;
    private long _packetsOut;
    private long _bytesOut;
    private long _packetsIn;
    private long _bytesIn;

    /// <summary>Its number in the tunnel, which tells its flows from others'; 0 while it waits for approval.</summary>
    public ushort Number { get; set; }

    /// <summary>The ports that are allowed to it and from it; null if the tunnel's are. For any thread.</summary>
    public PortBitmap? Ports
    {
        get => _ports;
        set => _ports = value;
    }

    /// <summary>What is known of the path to it.</summary>
    public PeerPath Path { get; } = new();

    /// <summary>Inner packets that went to it and came from it, and passed. For any thread.</summary>
    public TrafficTotals Traffic =>
        new(
            Volatile.Read(ref _packetsOut),
            Volatile.Read(ref _bytesOut),
            Volatile.Read(ref _packetsIn),
            Volatile.Read(ref _bytesIn)
        );

    /// <summary>
    /// Where to send; null if not known. One reference, so that no thread sees half of a new address.
    /// </summary>
    public Address? Current => Volatile.Read(ref _address);

    /// <summary>The same, if it is proven that who is there gets what is sent; else null.</summary>
    public Address? Proven => Current is { Proof: null } proven ? proven : null;

    /// <summary>
    /// Which address of this host it sends to, and so is to be sent from; none for the kernel's choice. For the worker.
    /// </summary>
    public SourceAddress Local { get; set; }

    /// <summary>
    /// When a datagram last came from the peer, in milliseconds of the monotonic clock; 0 if none came yet.
    /// </summary>
    public long LastHeard
    {
        get => Volatile.Read(ref _lastHeard);
        set => Volatile.Write(ref _lastHeard, value);
    }

    /// <summary>
    /// Source of the last packet that came from it and passed, in host order; 0 if there was none, or of IPv6. Written
    /// by the worker, for any thread.
    /// </summary>
    public uint Inner
    {
        get => Volatile.Read(ref _inner);
        set => Volatile.Write(ref _inner, value);
    }

    /// <summary>
    /// Bytes of the longest inner packet that came from it and passed, of those that ended a run of datagrams; 0 if
    /// there was none. Written by the worker, for any thread.
    /// </summary>
    public int LongestPacket
    {
        get => Volatile.Read(ref _longestPacket);
        set => Volatile.Write(ref _longestPacket, value);
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

    /// <summary>Takes another endpoint, which a person or a run before named. Rare, so it may allocate.</summary>
    /// <returns>The endpoint before; none if this is the first.</returns>
    public Endpoint Move(in Endpoint endpoint) => Move(new Address(endpoint, proof: null))?.Endpoint ?? default;

    /// <summary>Takes another address, or none.</summary>
    /// <returns>The one before; null if there was none.</returns>
    public Address? Move(Address? address)
    {
        var before = Interlocked.Exchange(ref _address, address);
        if (before is not null)
        {
            Interlocked.Increment(ref _changes);
        }

        return before;
    }

    /// <summary>Keeps the endpoint, and has it prove again what it has proven before.</summary>
    public void Replace(Address same) => Volatile.Write(ref _address, same);

    /// <summary>An endpoint that never changes, and what is known of who is there.</summary>
    internal sealed class Address(
        Endpoint endpoint,
        PeerProof? proof,
        (uint First, uint Last) inner = default,
        bool wasProven = false
    )
    {
        private readonly Endpoint _endpoint = endpoint;

        /// <summary>The endpoint.</summary>
        public ref readonly Endpoint Endpoint => ref _endpoint;

        /// <summary>What is still to be proven; null if what is sent there is known to arrive.</summary>
        public PeerProof? Proof => proof is { IsGiven: false } ? proof : null;

        /// <summary>Whether the same endpoint had proven before what it has to prove again.</summary>
        public bool WasProven => wasProven;

        /// <summary>Whether the host there has answered a ping, so that its silence says something.</summary>
        public bool AnswersPings => proof is { AnswersPings: true };

        /// <summary>
        /// Inner addresses (host order, 0 for none) that packets from there had as their source: the first one and the
        /// last one. Two, because only the last one can be set by who sends datagrams with a false outer address.
        /// Written by the worker alone.
        /// </summary>
        public (uint First, uint Last) Inner { get; private set; } = inner;

        /// <summary>A packet came from there.</summary>
        public void OnInner(uint source) => Inner = (Inner.First == 0 ? source : Inner.First, source);
    }
}
