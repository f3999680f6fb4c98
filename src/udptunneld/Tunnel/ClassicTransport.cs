// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The transport of the predecessor (<see cref="ClassicWireFormat"/>): one peer, IPv4, and heartbeats that keep a NAT's
/// mapping alive. A server follows its peer (<see cref="PeerClaims"/>), a client sends to the server that it looked up.
/// </summary>
internal sealed unsafe class ClassicTransport : ITransport
{
    // A heartbeat that could not be sent is tried again.
    private const long RetryMilliseconds = 1000;

    private readonly ClassicWireFormat _wire;
    private readonly IUdp _udp;
    private readonly Peer _peer;
    private readonly PeerClaims? _claims;
    private readonly uint _innerAddress;
    private readonly Ipv4Network _network;
    private long _heartbeatMilliseconds;
    private long _heartbeatsOut;
    private long _lastOut = Environment.TickCount64;
    private long _now = Environment.TickCount64;
    private long _nextTry;

    // What a client knows of its server, for its search for an address that works: since when nothing has come, though
    // something went there (0 for never), and which inner address it may have.
    private long _unansweredSince;
    private long _failedHeartbeats;
    private uint _innerPeer;

    // Of the message that is looked at: bytes of the peer's datagrams in it, and whether one is the proof that is
    // missing.
    private int _bytes;
    private bool _isAnswer;

    // Of the last datagram with the right magic: where it came from, and which address of this host it called.
    private Endpoint _source;
    private SourceAddress _local;

    /// <param name="packetMagic">The shared word.</param>
    /// <param name="udp">Sends heartbeats and echo requests.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="isServer">Whether the peer may move.</param>
    /// <param name="innerAddress">Address of this end's device, in host order.</param>
    /// <param name="prefixLength">Of the network of that address.</param>
    public ClassicTransport(
        string packetMagic,
        IUdp udp,
        Peer peer,
        bool isServer,
        uint innerAddress,
        int prefixLength = 32
    )
    {
        _wire = new ClassicWireFormat(packetMagic);
        _udp = udp;
        _peer = peer;
        _innerAddress = innerAddress;
        _network = Ipv4Network.Of(innerAddress, prefixLength);
        _claims = isServer ? new PeerClaims(peer, AskPeer, udp.KeepErrors) : null;
    }

    /// <summary>
    /// Time without anything sent after which a client sends a heartbeat; zero for never. For any thread.
    /// </summary>
    public TimeSpan HeartbeatInterval
    {
        get => TimeSpan.FromMilliseconds(Volatile.Read(ref _heartbeatMilliseconds));
        set => Volatile.Write(ref _heartbeatMilliseconds, (long)value.TotalMilliseconds);
    }

    /// <summary>Heartbeats that were sent. For any thread.</summary>
    public long HeartbeatsOut => Volatile.Read(ref _heartbeatsOut);

    /// <summary>Heartbeats that the kernel refused. For any thread.</summary>
    public long FailedHeartbeats => Volatile.Read(ref _failedHeartbeats);

    /// <summary>
    /// Since when the server is silent though something was sent to it, in milliseconds; 0 if it is not. For any
    /// thread.
    /// </summary>
    public long UnansweredSince => Volatile.Read(ref _unansweredSince);

    /// <inheritdoc/>
    public int Headroom => _wire.Headroom;

    /// <inheritdoc/>
    public int Tailroom => _wire.Tailroom;

    /// <inheritdoc/>
    public IpVersions Versions => IpVersions.V4;

    /// <inheritdoc/>
    public int Overhead => _wire.Headroom;

    /// <inheritdoc/>
    public bool TakesPadding => false;

    /// <inheritdoc/>
    public bool IsReady(Peer peer) => peer.LastHeard != 0 && peer.Proven is not null;

    /// <inheritdoc/>
    public void LimitPadding(Peer peer, int length)
    {
        // There is none.
    }

    /// <inheritdoc/>
    public Peer? Route(in PacketView packet, out DropReason drop)
    {
        drop = DropReason.None;
        return _peer;
    }

    /// <inheritdoc/>
    public bool TryBegin(Peer peer, in PacketView packet, int datagrams, out DropReason drop)
    {
        _claims?.OnSending(_now);
        var address = _peer.Current;
        drop =
            address is null ? DropReason.NoPeer
            : address.Proof is { } proof && !TrySpend(proof, packet, datagrams) ? DropReason.PeerUnproven
            : DropReason.None;
        _lastOut = drop == DropReason.None ? _now : _lastOut;
        if (_claims is null)
        {
            OnAsking(_now);
            if (packet.Version == 4 && _network.Contains((uint)packet.DestinationLow))
            {
                _innerPeer = (uint)packet.DestinationLow;
            }
        }

        return drop == DropReason.None;
    }

    /// <inheritdoc/>
    public int Seal(byte* datagram, int packetLength) => _wire.Seal(datagram, packetLength);

    /// <inheritdoc/>
    public int End() => 0;

    /// <inheritdoc/>
    public Opened Open(byte* datagram, int length, in Endpoint source, in SourceAddress local)
    {
        var drop = _wire.Open(datagram, length);
        if (drop != DropReason.None)
        {
            return new Opened { Drop = drop };
        }

        var packet = datagram + _wire.Headroom;
        var packetLength = length - _wire.Headroom;
        _bytes += length;
        _source = source;
        _local = local;
        if (packetLength > 0 && _peer.Current?.Proof is { } proof)
        {
            _isAnswer |= proof.IsAnswer(PacketView.Parse(packet, packetLength));
        }

        return new Opened
        {
            Peer = _peer,
            Packet = packet,
            Length = packetLength,
        };
    }

    /// <inheritdoc/>
    public void OnReceived(Peer peer, in Endpoint source, in PacketView passed)
    {
        if (passed.Version != 0)
        {
            peer.Inner = (uint)passed.SourceLow;
        }

        if (_claims is null)
        {
            _innerPeer = _network.Contains(peer.Inner) && peer.Inner != 0 ? peer.Inner : _innerPeer;
            peer.LastHeard = _now;
            Volatile.Write(ref _unansweredSince, 0);
        }
        else
        {
            _claims.OnDatagram(source, passed.Version == 0 ? 0 : (uint)passed.SourceLow, _bytes, _isAnswer, _now);
            if (peer.Current is { } current && current.Endpoint.Equals(source))
            {
                peer.Local = _local;
            }
        }

        _bytes = 0;
        _isAnswer = false;
    }

    /// <inheritdoc/>
    public void OnPortUnreachable(in Endpoint endpoint) => _claims?.OnPortUnreachable(endpoint, _now);

    /// <inheritdoc/>
    public void OnDrained() => _claims?.Resolve(_now);

    /// <inheritdoc/>
    public long Due
    {
        get
        {
            if (_claims is not null)
            {
                return _claims.Due;
            }

            var interval = Volatile.Read(ref _heartbeatMilliseconds);
            return interval > 0 ? Math.Max(Volatile.Read(ref _lastOut) + interval, _nextTry) : long.MaxValue;
        }
    }

    /// <inheritdoc/>
    public void Advance(long now)
    {
        var isDue = now >= Due;
        _now = now;
        if (isDue && _claims is not null)
        {
            _claims.Resolve(now);
        }
        else if (isDue)
        {
            _nextTry = now + RetryMilliseconds;
            SendHeartbeat();
        }
    }

    /// <summary>Tells the peer where this end is. For any thread.</summary>
    public void SendHeartbeat()
    {
        if (_peer.Current is not { } address)
        {
            return;
        }

        var datagram = stackalloc byte[Headroom];
        OnAsking(Environment.TickCount64);
        if (_udp.Send(datagram, Seal(datagram, 0), address.Endpoint))
        {
            Interlocked.Increment(ref _heartbeatsOut);
            Volatile.Write(ref _lastOut, Math.Max(_now, Volatile.Read(ref _lastOut)));
        }
        else
        {
            Interlocked.Increment(ref _failedHeartbeats);
        }
    }

    /// <summary>
    /// Has the server's host answer, if it is known which inner address it has: silence says nothing where nobody would
    /// speak. For any thread.
    /// </summary>
    public void AskServer()
    {
        var inner = Volatile.Read(ref _innerPeer);
        if (_peer.Current is { } address && inner != 0)
        {
            var datagram = stackalloc byte[Headroom + EchoRequest.Length];
            EchoRequest.Write(datagram + Headroom, _innerAddress, inner, 0);
            _ = _udp.Send(datagram, Seal(datagram, EchoRequest.Length), address.Endpoint);
        }
    }

    /// <summary>Whose claim was refused since this was asked last; none if nobody's. For any thread.</summary>
    public Endpoint TakeRefusedClaim() => _claims?.TakeRefused() ?? default;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Socket and peer are the engine's.
    }

    private void OnAsking(long now)
    {
        if (_unansweredSince == 0)
        {
            Volatile.Write(ref _unansweredSince, now);
        }
    }

    /// <summary>Sends as much as an address may get before it has proven that it gets it.</summary>
    private bool TrySpend(PeerProof proof, in PacketView packet, int datagrams)
    {
        if (!proof.TrySpend(packet.Length + ((long)datagrams * Headroom)))
        {
            return false;
        }

        proof.OnSending(packet);
        return true;
    }

    /// <summary>
    /// Asks who is at an address of the peer whether it is there. Not counted among the packets: this host did not send
    /// it.
    /// </summary>
    private void AskPeer(Peer.Address address, uint inner)
    {
        var length = Headroom + EchoRequest.Length;
        var proof = address.Proof;
        if (proof is not null && !proof.TrySpend(length))
        {
            return;
        }

        var datagram = stackalloc byte[length];
        EchoRequest.Write(datagram + Headroom, _innerAddress, inner, proof?.Number ?? 0);
        var local = address.Endpoint.Equals(_source) ? _local : _peer.Local;
        _ = _udp.Send(datagram, Seal(datagram, EchoRequest.Length), address.Endpoint, local);
    }
}
