// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.WireGuard;

/// <summary>Why a peer cannot be entered.</summary>
internal enum PeerRefusal
{
    /// <summary>It can.</summary>
    None,

    /// <summary>Its key is this end's own.</summary>
    OwnKey,

    /// <summary>Its key is one of the few that agree with nobody's, such as all zero.</summary>
    WeakKey,

    /// <summary>There is a peer with this key.</summary>
    Known,

    /// <summary>There are as many peers as there can be.</summary>
    Full,
}

/// <summary>
/// One end of the WireGuard protocol with all of its peers, as a state machine: bytes and time go in, bytes and
/// decisions come out. It knows no socket, no clock and no logger.
/// <list type="bullet">
/// <item>Once for each wake-up, <see cref="Advance"/> says what time it is; it wants to be called again at
/// <see cref="NextDue"/>.</item>
/// <item>Packets to a peer: <see cref="Route"/>, then <see cref="TryBegin"/>, <see cref="SealRun.Seal"/> for each and
/// <see cref="End"/>; if there is no session, <see cref="Wait"/> for each.</item>
/// <item>Each datagram: <see cref="Receive"/>.</item>
/// <item>What it has to send by itself goes to <see cref="IWireGuardOutput"/> during these calls.</item>
/// </list>
/// </summary>
/// <remarks>For one thread at a time. Sealing and opening allocate nothing.</remarks>
internal sealed unsafe class WireGuardEngine : IDisposable
{
    private readonly SessionTable _sessions;
    private readonly Handshaker _handshaker;
    private readonly PeerDriver _driver;
    private readonly PeerTable _peers = new();

    /// <param name="identity">This end's key, which the engine owns from now on.</param>
    /// <param name="output">Where it leaves what it sends by itself.</param>
    /// <param name="random">Chance; the system's in all but tests.</param>
    /// <param name="rates">How much work strangers may cause.</param>
    /// <exception cref="Crypto.CryptoException">OpenSSL is missing or lacks an algorithm.</exception>
    public WireGuardEngine(LocalIdentity identity, IWireGuardOutput output, RandomSource random, HandshakeRates rates)
    {
        _sessions = new SessionTable(random);
        _handshaker = new Handshaker(identity, random, _sessions, rates, output);
        _driver = new PeerDriver(_handshaker, _sessions, random, output);
    }

    /// <summary>This end's public key.</summary>
    public PublicKey Key => _handshaker.Identity.Key;

    /// <summary>MTU of the tunnel: padding does not go beyond it.</summary>
    public int Mtu
    {
        get => _driver.Mtu;
        set => _driver.Mtu = value;
    }

    /// <summary>All peers.</summary>
    public IReadOnlyCollection<Peer> Peers => _peers.All;

    /// <summary>
    /// Asked when an initiation comes from a given endpoint whose sender has shown that it has a key which is no
    /// peer's: may enter a peer and return it, who is answered then. A peer without networks is one whose packets do
    /// not pass in either direction. Null, or an answer of null, is silence. The initiation may still be a recorded
    /// one: whether the sender is there shows when the handshake is completed.
    /// </summary>
    /// <remarks>
    /// Who is unknown has to show a cookie first, also where there is no load: so the endpoint is a true one, and
    /// nobody takes the places of many networks from one of them. It costs the sender its first initiation.
    /// </remarks>
    public Func<PublicKey, Endpoint, Peer?>? UnknownPeer { get; set; }

    /// <summary>
    /// When <see cref="Advance"/> wants to be called, in its milliseconds; <see cref="long.MaxValue"/> if never.
    /// </summary>
    public long NextDue => _driver.NextDue;

    /// <summary>What was dropped, whoever it was of.</summary>
    public DropCounters Drops => _driver.Drops;

    /// <summary>Sessions and initiations that wait.</summary>
    internal int SessionCount => _sessions.Count;

    /// <summary>Says what time it is, and does what is due.</summary>
    /// <param name="now">
    /// Milliseconds of a clock that never goes back and does not stop while the host is suspended (CLOCK_BOOTTIME).
    /// </param>
    /// <param name="wall">The wall clock, wherever it has been set to.</param>
    public void Advance(long now, Tai64n wall) => _driver.Advance(now, wall);

    /// <summary>Enters a peer.</summary>
    /// <param name="key">Its public key.</param>
    /// <param name="timestamps">What was kept of it; nothing if it is new.</param>
    /// <param name="peer">The peer; null if it was refused.</param>
    public PeerRefusal AddPeer(PublicKey key, PeerTimestamps timestamps, out Peer? peer)
    {
        peer = null;
        if (key == Key)
        {
            return PeerRefusal.OwnKey;
        }

        if (_peers.Find(key) != null)
        {
            return PeerRefusal.Known;
        }

        if (_peers.Count >= Protocol.MaxPeers)
        {
            return PeerRefusal.Full;
        }

        var added = new Peer(key, _handshaker.Crypto) { Timestamps = timestamps };
        if (!_handshaker.Agree(added))
        {
            added.Dispose();
            return PeerRefusal.WeakKey;
        }

        _peers.Add(added);
        peer = added;
        return PeerRefusal.None;
    }

    /// <summary>The peer with a key.</summary>
    public Peer? FindPeer(PublicKey key) => _peers.Find(key);

    /// <summary>Takes a peer out, with its sessions, its networks and what waits for it.</summary>
    public void RemovePeer(Peer peer)
    {
        if (!peer.IsRemoved)
        {
            peer.IsRemoved = true;
            peer.ScheduledAt = PeerTimers.Off;
            peer.Timers.Clear();
            _driver.DropWaiting(peer);
            peer.EndSessions(_sessions);
            _peers.Remove(peer);
            peer.Dispose();
        }
    }

    /// <summary>Sets the interval of persistent keepalives. The first is sent at once.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="seconds">0 for none, to 65,535.</param>
    public void SetPersistentKeepalive(Peer peer, int seconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(seconds, ushort.MaxValue);
        peer.Timers.SetPersistentInterval(seconds * 1000L, _driver.Now);
        _driver.Schedule(peer);
    }

    /// <summary>Gives a peer exactly these networks; what was another's goes over.</summary>
    public void SetAllowedIps(Peer peer, IReadOnlyCollection<IpPrefix> prefixes) =>
        _peers.SetAllowedIps(peer, prefixes);

    /// <summary>Gives a network to a peer, also if it was another's.</summary>
    public void AddAllowedIp(Peer peer, IpPrefix prefix) => _peers.AddAllowedIp(peer, prefix);

    /// <summary>Takes a network away from a peer.</summary>
    /// <returns>Whether it was the peer's.</returns>
    public bool RemoveAllowedIp(Peer peer, IpPrefix prefix) => _peers.RemoveAllowedIp(peer, prefix);

    /// <summary>
    /// Takes another key for this end. What is on its way still arrives; what is sent next begins with a handshake.
    /// </summary>
    /// <param name="identity">The new key, which the engine owns from now on.</param>
    /// <returns>Peers that were removed as their key is this end's now, or agrees with nothing.</returns>
    public IReadOnlyList<Peer> SetIdentity(LocalIdentity identity)
    {
        _handshaker.Replace(identity);
        var removed = new List<Peer>();
        foreach (var peer in _peers.All)
        {
            peer.ClearPending(_sessions);
            peer.RetireSessions();
            if (peer.Key == Key || !_handshaker.Agree(peer))
            {
                removed.Add(peer);
            }
        }

        removed.ForEach(RemovePeer);
        return removed;
    }

    /// <summary>
    /// Begins a handshake, unless one was begun less than five seconds ago: to find out whether a peer is there.
    /// </summary>
    public void BeginHandshake(Peer peer) => _driver.Initiate(peer);

    /// <summary>The peer that an inner packet goes to, by the longest prefix that its destination is in.</summary>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="drop">Why it goes nowhere, if it does not; it has been counted.</param>
    public Peer? Route(byte* packet, int length, out WireGuardDrop drop)
    {
        var peer = _peers.FindDestination(packet, length, out drop);
        if (peer == null)
        {
            _driver.Drop(null, drop);
        }

        return peer;
    }

    /// <summary>Whether there is a session to send with.</summary>
    public bool CanSend(Peer peer) => _driver.CanSend(peer);

    /// <summary>Begins to seal packets to a peer.</summary>
    /// <param name="peer">Who they go to.</param>
    /// <param name="packets">How many there are at most; counters are taken for so many.</param>
    /// <param name="run">What seals them.</param>
    /// <returns>False if there is no session to send with: then they have to wait.</returns>
    public bool TryBegin(Peer peer, int packets, out SealRun run) => _driver.TryBegin(peer, packets, out run);

    /// <summary>
    /// Ends what <see cref="TryBegin"/> began: the peer's timers learn of it, and a session that is old begins the next
    /// one.
    /// </summary>
    public void End(ref SealRun run) => _driver.End(ref run);

    /// <summary>Keeps a packet to a peer with whom there is no session, and begins a handshake.</summary>
    /// <param name="peer">Who it goes to.</param>
    /// <param name="packet">First byte of its IP header; it is copied.</param>
    /// <param name="length">In bytes.</param>
    /// <returns>
    /// None if it waits; else why it was dropped. That, and older packets that were dropped for it, have been counted.
    /// </returns>
    public WireGuardDrop Wait(Peer peer, byte* packet, int length) => _driver.Wait(peer, packet, length);

    /// <summary>Takes a datagram.</summary>
    /// <param name="datagram">Is changed: a packet is opened in place.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="source">Where it came from.</param>
    public Received Receive(byte* datagram, int length, in Endpoint source)
    {
        var message = new ReadOnlySpan<byte>(datagram, length);
        var type = length >= sizeof(uint) ? (MessageType)BinaryPrimitives.ReadUInt32LittleEndian(message) : 0;
        if (type == MessageType.Transport && length >= TransportMessage.Overhead)
        {
            return ReceivePacket(datagram, length, source);
        }

        return (type, length) switch
        {
            (MessageType.Initiation, InitiationMessage.Size) => ReceiveInitiation(message, source),
            (MessageType.Response, ResponseMessage.Size) => ReceiveResponse(message, source),
            (MessageType.CookieReply, CookieMessage.Size) => ReceiveCookie(message),
            _ => Dropped(null, WireGuardDrop.Malformed),
        };
    }

    /// <summary>Ends all sessions, and zeroes all keys.</summary>
    public void Dispose()
    {
        foreach (var peer in _peers.All)
        {
            peer.IsRemoved = true;
            peer.Dispose();
        }

        _driver.Dispose();
        _handshaker.Dispose();
    }

    private Received ReceivePacket(byte* datagram, int length, in Endpoint source)
    {
        if (_sessions.Find(TransportMessage.ReceiverOf(datagram)).Session is not { } session)
        {
            return Dropped(null, WireGuardDrop.NoSession);
        }

        var peer = session.Peer;
        var counter = TransportMessage.CounterOf(datagram);
        if (session.AgeAt(_driver.Now) >= Protocol.RejectAfterTime || counter >= Protocol.RejectAfterMessages)
        {
            return Dropped(peer, WireGuardDrop.SessionExpired);
        }

        // Asked before it is opened, which costs more, and marked as seen after that: until then it may be forged.
        if (!session.Received.IsNew(counter))
        {
            return Dropped(peer, WireGuardDrop.Replayed);
        }

        if (!session.Open(datagram, length, counter))
        {
            return Dropped(peer, WireGuardDrop.NotAuthentic);
        }

        session.Received.Accept(counter);
        byte* packet = datagram + TransportMessage.HeaderSize;
        int packetLength = length - TransportMessage.Overhead;
        _driver.OnPacket(session, source, length, isKeepalive: packetLength == 0);
        if (packetLength == 0)
        {
            return new Received { Kind = ReceivedKind.Keepalive, Peer = peer };
        }

        var drop = _peers.CheckSource(peer, packet, ref packetLength);
        if (drop == WireGuardDrop.None)
        {
            peer.Counters.PacketsIn++;
        }
        else
        {
            _driver.Drop(peer, drop);
        }

        return new Received
        {
            Kind = drop == WireGuardDrop.None ? ReceivedKind.Packet : ReceivedKind.Dropped,
            Drop = drop,
            Peer = peer,
            Packet = packet,
            Length = packetLength,
        };
    }

    private Received ReceiveInitiation(ReadOnlySpan<byte> message, in Endpoint source)
    {
        var drop = _handshaker.Admit(message, InitiationMessage.Mac1, source, _driver.Now);
        if (drop != WireGuardDrop.None)
        {
            return Dropped(null, drop);
        }

        Span<byte> memory = stackalloc byte[NoiseState.Size];
        Peer? peer = null;
        drop = WireGuardDrop.NotAuthentic;
        if (_handshaker.ReadSender(message, memory, out var sender))
        {
            peer = _peers.Find(sender);
            if (
                peer == null
                && UnknownPeer != null
                && _handshaker.AdmitByCookie(message, InitiationMessage.Mac1, source, _driver.Now) == WireGuardDrop.None
                && _handshaker.ProvesKey(sender, message, memory)
            )
            {
                peer = UnknownPeer(sender, source);
            }

            drop =
                peer != null
                    ? _handshaker.Answer(peer, message, memory, source, _driver.Now, _driver.Wall)
                    : WireGuardDrop.UnknownPeer;
        }

        CryptographicOperations.ZeroMemory(memory);
        if (peer == null || drop != WireGuardDrop.None)
        {
            return Dropped(peer, drop);
        }

        _driver.OnInitiation(peer);
        return new Received { Kind = ReceivedKind.Handshake, Peer = peer };
    }

    private Received ReceiveResponse(ReadOnlySpan<byte> message, in Endpoint source)
    {
        var drop = _handshaker.Admit(message, ResponseMessage.Mac1, source, _driver.Now);
        if (drop != WireGuardDrop.None)
        {
            return Dropped(null, drop);
        }

        var entry = _sessions.Find(BinaryPrimitives.ReadUInt32LittleEndian(message[ResponseMessage.Receiver..]));
        var peer = entry.Session == null ? entry.Peer : null;
        drop = _handshaker.TakeResponse(peer, message, _driver.Now);
        if (peer == null || drop != WireGuardDrop.None)
        {
            return Dropped(peer, drop);
        }

        _driver.OnResponse(peer, source);
        return new Received { Kind = ReceivedKind.Handshake, Peer = peer };
    }

    private Received ReceiveCookie(ReadOnlySpan<byte> message)
    {
        var peer = _sessions.Find(BinaryPrimitives.ReadUInt32LittleEndian(message[CookieMessage.Receiver..])).Peer;
        var drop = Handshaker.TakeCookie(peer, message, _driver.Now);
        return drop == WireGuardDrop.None
            ? new Received { Kind = ReceivedKind.Handshake, Peer = peer }
            : Dropped(peer, drop);
    }

    private Received Dropped(Peer? peer, WireGuardDrop reason) =>
        new() { Drop = _driver.Drop(peer, reason), Peer = peer };
}
