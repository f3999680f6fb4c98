// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// The transport of a secure tunnel: the WireGuard protocol (<see cref="WireGuardEngine"/>) between device and socket.
/// Packets are sealed where they are sent from and opened where they were received. Without a session they are kept
/// until there is one.
/// </summary>
/// <remarks>For the tunnel's worker, but for what says that any thread may ask it.</remarks>
internal sealed unsafe class SecureTransport : ITransport, IWireGuardOutput
{
    // What is reported of peers between two ticks at most.
    private const int MaxNews = 64;

    // Addresses of a peer's name that are called at once.
    private const int MostPlaces = 4;

    private readonly IUdp _udp;
    private readonly Func<long> _clock;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<PeerNews> _news = new();

    // What the protocol drops and sends by itself is counted where the way out counts.
    private long _lateDrops;
    private long _failedDrops;

    // Between the protocol's clock, which goes on while the host is suspended, and the one of the worker.
    private long _ahead;

    // What TryBegin has begun: a run that seals, or the keeping of packets for a peer.
    private SealRun _run;

    // The address of this host that the datagram came to that is looked at.
    private SourceAddress _local;
    private SecurePeer? _keeping;
    private int _kept;
    private int _newsCount;
    private long _lostNews;
    private long _timestampMoves;

    /// <param name="identity">This end's key, owned from now on.</param>
    /// <param name="mtu">MTU of the device.</param>
    /// <param name="udp">The socket, which stays its owner's.</param>
    /// <param name="clock">Milliseconds of a clock that goes on while the host is suspended (CLOCK_BOOTTIME).</param>
    /// <param name="time">The wall clock.</param>
    /// <exception cref="Crypto.CryptoException">OpenSSL is missing or lacks an algorithm.</exception>
    public SecureTransport(LocalIdentity identity, int mtu, IUdp udp, Func<long> clock, TimeProvider time)
    {
        _udp = udp;
        _clock = clock;
        _time = time;
        Engine = new WireGuardEngine(identity, this, RandomSource.System, new HandshakeRates()) { Mtu = mtu };
        Advance(Environment.TickCount64);
    }

    /// <summary>The protocol.</summary>
    public WireGuardEngine Engine { get; }

    /// <summary>What the worker tells of handshakes, if anybody wants to know.</summary>
    public WorkerNotes? Notes { get; set; }

    /// <summary>Those whose key is no peer's.</summary>
    public Quarantine Quarantine { get; } = new();

    /// <summary>What went out by itself or was dropped, where all that goes out is counted.</summary>
    public DirectionCounters Outgoing { get; } = new();

    /// <summary>How often a timestamp moved that is kept over a restart. For any thread.</summary>
    public long TimestampMoves => Volatile.Read(ref _timestampMoves);

    /// <summary>Milliseconds of the protocol's clock. For any thread.</summary>
    public long Now => _clock();

    /// <inheritdoc/>
    public int Headroom => TransportMessage.HeaderSize;

    /// <inheritdoc/>
    public int Tailroom => TransportMessage.Overhead - TransportMessage.HeaderSize + Protocol.PaddingMultiple - 1;

    /// <inheritdoc/>
    public IpVersions Versions => IpVersions.Both;

    /// <inheritdoc/>
    public int Overhead => TransportMessage.Overhead;

    /// <inheritdoc/>
    public bool TakesPadding => true;

    /// <inheritdoc/>
    public bool IsReady(Tunnel.Peer peer) => Engine.CanSend(Unsafe.As<SecurePeer>(peer).Wire);

    /// <inheritdoc/>
    public void LimitPadding(Tunnel.Peer peer, int length) => Unsafe.As<SecurePeer>(peer).Wire.PaddingLimit = length;

    /// <inheritdoc/>
    public long Due => Engine.NextDue is var due && due == long.MaxValue ? due : due - _ahead;

    /// <inheritdoc/>
    public Tunnel.Peer? Route(in PacketView packet, out DropReason drop)
    {
        var peer = Engine.Route(packet.Start, packet.Length, out var reason);
        drop = SecureDrops.ToReason(reason);
        return peer is null ? null : Unsafe.As<SecurePeer>(peer.Tag);
    }

    /// <inheritdoc/>
    public bool TryBegin(Tunnel.Peer peer, in PacketView packet, int datagrams, out DropReason drop)
    {
        var secure = Unsafe.As<SecurePeer>(peer);
        drop = DropReason.None;
        if (Engine.TryBegin(secure.Wire, datagrams, out _run))
        {
            _keeping = null;
            return true;
        }

        if (secure.Wire.Endpoint.IsNone)
        {
            drop = DropReason.NoPeer;
            return false;
        }

        // Those that a superpacket is cut into are kept one by one, as they will be sent.
        _keeping = secure;
        _kept = 0;
        return true;
    }

    /// <inheritdoc/>
    public int Seal(byte* datagram, int packetLength)
    {
        if (_keeping is null)
        {
            return _run.Seal(datagram, packetLength);
        }

        _ = Engine.Wait(_keeping.Wire, datagram + TransportMessage.HeaderSize, packetLength);
        _kept++;
        return 0;
    }

    /// <inheritdoc/>
    public int End()
    {
        if (_keeping is null)
        {
            Engine.End(ref _run);
            return 0;
        }

        _keeping = null;
        CountLateDrops();
        return _kept;
    }

    /// <inheritdoc/>
    public Opened Open(byte* datagram, int length, in Endpoint source, in SourceAddress local)
    {
        // What is answered to it at once goes from there; a peer is sent to from there when it is known to be the peer.
        _local = local;
        var received = Engine.Receive(datagram, length, source);
        _local = default;
        var peer = Unsafe.As<SecurePeer?>(received.Peer?.Tag);
        if (received.Kind is ReceivedKind.Packet or ReceivedKind.Keepalive)
        {
            peer!.Local = local;
        }

        if (received.Drop != WireGuardDrop.None && Notes is { AreWanted: true })
        {
            NoteRefused(datagram, length, source, received.Drop, peer);
        }

        var drop = SecureDrops.ToReason(received.Drop);
        if (received.Drop == WireGuardDrop.WrongSource)
        {
            peer!.ForeignSources.Note(received.Packet);
            drop = peer.Stay is null ? drop : DropReason.UnknownPeer;
        }

        return new Opened
        {
            Peer = peer,
            Packet = received.Packet,
            Length = received.Length,
            Drop = drop,
        };
    }

    /// <inheritdoc/>
    public void OnReceived(Tunnel.Peer peer, in Endpoint source, in PacketView passed)
    {
        // The protocol has taken note of it.
    }

    /// <inheritdoc/>
    public void OnPortUnreachable(in Endpoint endpoint)
    {
        // Anybody can forge that: the protocol's timers find out.
    }

    /// <inheritdoc/>
    public void OnDrained()
    {
        // Nothing waits for that.
    }

    /// <inheritdoc/>
    public void Advance(long now)
    {
        var own = _clock();
        _ahead = own - now;
        Engine.Advance(own, Tai64n.From(_time.GetUtcNow()));
        CountLateDrops();
    }

    /// <inheritdoc/>
    void IWireGuardOutput.Send(byte* datagram, int length, int packetLength, in Endpoint endpoint, WireGuard.Peer? peer)
    {
        var secure = Unsafe.As<SecurePeer?>(peer?.Tag);
        var isSent = _udp.Send(datagram, length, endpoint, !_local.IsNone ? _local : secure?.Local ?? default);
        if (packetLength == 0)
        {
            if (Notes is { AreWanted: true })
            {
                NoteSent((MessageType)(*datagram), endpoint, secure, isSent);
            }

            if (secure is not null && *datagram == (byte)MessageType.Initiation && secure.IsSearched(Now))
            {
                SendElsewhere(datagram, length, endpoint, secure);
            }

            return;
        }

        if (isSent)
        {
            Outgoing.Count(1, packetLength);
            secure?.CountOut(1, packetLength);
        }
        else
        {
            Outgoing.CountDrop(DropReason.SendFailed);
        }
    }

    /// <inheritdoc/>
    void IWireGuardOutput.Notify(WireGuard.Peer peer, PeerEvent what)
    {
        if (peer.Tag is not SecurePeer secure)
        {
            return;
        }

        switch (what)
        {
            case PeerEvent.TimestampsMoved:
                Volatile.Write(ref _timestampMoves, _timestampMoves + 1);
                break;
            case PeerEvent.SourceDoubtful:
                secure.Local = default;
                break;
            case PeerEvent.EndpointMoved:
                secure.Move(peer.Endpoint);
                Add(secure, what);
                break;
            case PeerEvent.HandshakeCompleted:
                if (Notes is { AreWanted: true })
                {
                    Notes.Add($"handshake: {NameOf(secure)} at {peer.Endpoint} has completed one");
                }

                secure.IsUnreachable = false;
                secure.ForeignSources.Renew();
                Quarantine.OnHandshakeCompleted(secure);
                Add(secure, what);
                break;
            case PeerEvent.HandshakeGivenUp:
                secure.IsUnreachable = true;
                Add(secure, what);
                break;
        }
    }

    /// <summary>Takes what there is to report of a peer. For any thread.</summary>
    public bool TryTakeNews(out PeerNews news)
    {
        var taken = _news.TryDequeue(out news);
        if (taken)
        {
            Interlocked.Decrement(ref _newsCount);
        }

        return taken;
    }

    /// <summary>
    /// How much there was to report beyond what is kept for it, since this was asked last. For any thread.
    /// </summary>
    public long TakeLostNews() => Interlocked.Exchange(ref _lostNews, 0);

    /// <inheritdoc/>
    public void Dispose() => Engine.Dispose();

    /// <summary>
    /// Sends an initiation to the other addresses of the peer's name as well. The peer answers the copy that comes
    /// first, and passes over the others as repeated; the answer says where it is.
    /// </summary>
    private void SendElsewhere(byte* datagram, int length, in Endpoint endpoint, SecurePeer peer)
    {
        foreach (var place in peer.LookUp!.All.Take(MostPlaces))
        {
            var other = _udp.ToEndpoint(place);
            if (!other.Equals(endpoint))
            {
                _ = _udp.Send(datagram, length, other);
            }
        }
    }

    private void NoteSent(MessageType type, in Endpoint endpoint, SecurePeer? peer, bool isSent)
    {
        var what = type switch
        {
            MessageType.Initiation => $"one is begun with {NameOf(peer)} at {endpoint}",
            MessageType.Response => $"the one that {NameOf(peer)} at {endpoint} began is answered",
            MessageType.CookieReply => $"{endpoint} is asked to come again with a cookie",
            _ => null,
        };
        if (what is not null)
        {
            Notes!.Add($"handshake: {what}{(isSent ? "" : ", but the network refuses it")}");
        }
    }

    /// <summary>Only of handshakes: what else is dropped is counted, and shown by a capture.</summary>
    private void NoteRefused(byte* datagram, int length, in Endpoint source, WireGuardDrop drop, SecurePeer? peer)
    {
        if (length > 0 && (MessageType)(*datagram) is not MessageType.Transport)
        {
            Notes!.Add($"handshake: a message from {source} ({NameOf(peer)}) is dropped: {drop}");
        }
    }

    private static string NameOf(SecurePeer? peer) =>
        peer is null ? "a peer that is not known" : $"the peer {peer.Config.DisplayName}";

    private void Add(SecurePeer peer, PeerEvent what)
    {
        if (Volatile.Read(ref _newsCount) >= MaxNews)
        {
            Interlocked.Increment(ref _lostNews);
            return;
        }

        Interlocked.Increment(ref _newsCount);
        _news.Enqueue(new PeerNews(peer, what, peer.Wire.Endpoint));
    }

    /// <summary>Counts what the protocol has dropped of the packets that waited, which nobody else learns of.</summary>
    private void CountLateDrops()
    {
        var late = Engine.Drops[WireGuardDrop.QueueFull];
        if (late != _lateDrops)
        {
            Outgoing.CountDrop(SecureDrops.ToReason(WireGuardDrop.QueueFull), late - _lateDrops);
            _lateDrops = late;
        }

        var failed = Engine.Drops[WireGuardDrop.HandshakeFailed];
        if (failed != _failedDrops)
        {
            Outgoing.CountDrop(SecureDrops.ToReason(WireGuardDrop.HandshakeFailed), failed - _failedDrops);
            _failedDrops = failed;
        }
    }
}

/// <summary>Something that a peer has been through.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="What">What it was.</param>
/// <param name="Endpoint">Where it was then.</param>
internal readonly record struct PeerNews(SecurePeer Peer, PeerEvent What, Endpoint Endpoint);
