using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The transport of the predecessor (<see cref="ClassicWireFormat"/>): one peer, IPv4, and heartbeats that keep a NAT's mapping alive. A server follows
/// its peer (<see cref="PeerClaims"/>), a client sends to the server that it looked up.
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
    private long _heartbeatMilliseconds;
    private long _heartbeatsOut;
    private long _lastOut = Environment.TickCount64;
    private long _now = Environment.TickCount64;
    private long _nextTry;

    /// <param name="packetMagic">The shared word.</param>
    /// <param name="udp">Sends heartbeats and echo requests.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="isServer">Whether the peer may move.</param>
    /// <param name="innerAddress">Address of this end's device, in host order.</param>
    public ClassicTransport(string packetMagic, IUdp udp, Peer peer, bool isServer, uint innerAddress)
    {
        _wire = new ClassicWireFormat(packetMagic);
        _udp = udp;
        _peer = peer;
        _innerAddress = innerAddress;
        _claims = isServer ? new PeerClaims(peer, AskPeer) : null;
    }

    /// <summary>Time without anything sent after which a client sends a heartbeat; zero for never. For any thread.</summary>
    public TimeSpan HeartbeatInterval
    {
        get => TimeSpan.FromMilliseconds(Volatile.Read(ref _heartbeatMilliseconds));
        set => Volatile.Write(ref _heartbeatMilliseconds, (long)value.TotalMilliseconds);
    }

    /// <summary>Heartbeats that were sent. For any thread.</summary>
    public long HeartbeatsOut => Volatile.Read(ref _heartbeatsOut);

    /// <inheritdoc/>
    public int Headroom => _wire.Headroom;

    /// <inheritdoc/>
    public int Tailroom => _wire.Tailroom;

    /// <inheritdoc/>
    public IpVersions Versions => IpVersions.V4;

    /// <inheritdoc/>
    public Peer? Route(in PacketView packet, out DropReason drop)
    {
        drop = DropReason.None;
        return _peer;
    }

    /// <inheritdoc/>
    public bool TryBegin(Peer peer, in PacketView packet, int datagrams, out DropReason drop)
    {
        drop = _peer.Current is null ? DropReason.NoPeer : DropReason.None;
        _lastOut = drop == DropReason.None ? _now : _lastOut;
        return drop == DropReason.None;
    }

    /// <inheritdoc/>
    public int Seal(byte* datagram, int packetLength) => _wire.Seal(datagram, packetLength);

    /// <inheritdoc/>
    public void End()
    {
        // Each datagram is complete by itself.
    }

    /// <inheritdoc/>
    public Opened Open(byte* datagram, int length, in Endpoint source)
    {
        var drop = _wire.Open(datagram, length);
        return drop == DropReason.None
            ? new Opened { Peer = _peer, Packet = datagram + _wire.Headroom, Length = length - _wire.Headroom }
            : new Opened { Drop = drop };
    }

    /// <inheritdoc/>
    public void OnReceived(Peer peer, in Endpoint source, in PacketView passed)
    {
        if (_claims is null)
        {
            peer.LastHeard = _now;
        }
        else
        {
            _claims.Hear(source, passed.Version == 0 ? 0 : (uint)passed.SourceLow, _now);
        }
    }

    /// <inheritdoc/>
    public void OnDrained() => _claims?.Settle(_now);

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
            _claims.Settle(now);
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
        if (_udp.Send(datagram, Seal(datagram, 0), address.Endpoint))
        {
            Interlocked.Increment(ref _heartbeatsOut);
            Volatile.Write(ref _lastOut, Math.Max(_now, Volatile.Read(ref _lastOut)));
        }
    }

    /// <summary>Whose claim was refused since this was asked last; none if nobody's. For any thread.</summary>
    public Endpoint TakeRefusedClaim() => _claims?.TakeRefused() ?? default;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Socket and peer are the engine's.
    }

    /// <summary>Asks the known peer whether it is still there. Not counted among the packets, of which it is none of the host's.</summary>
    private void AskPeer(uint inner)
    {
        if (_peer.Current is { } address)
        {
            var datagram = stackalloc byte[Headroom + EchoRequest.Length];
            EchoRequest.Write(datagram + Headroom, _innerAddress, inner);
            _ = _udp.Send(datagram, Seal(datagram, EchoRequest.Length), address.Endpoint);
        }
    }
}
