// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;

namespace UdpTunnel.WireGuard;

/// <summary>
/// What has to be kept of a peer over a restart, so that nothing recorded before it is taken for new.
/// </summary>
/// <param name="Received">The greatest timestamp that an initiation of the peer had.</param>
/// <param name="Sent">
/// The greatest one that an initiation of ours had: the next must be greater, also after the clock was set back.
/// </param>
internal readonly record struct PeerTimestamps(Tai64n Received, Tai64n Sent);

/// <summary>What has been counted of a peer. Written by one thread, read by any.</summary>
internal sealed class PeerCounters
{
    /// <summary>Packets that came out of the tunnel, keepalives not counted.</summary>
    public long PacketsIn;

    /// <summary>Bytes of authentic messages of all kinds, their headers included.</summary>
    public long BytesIn;

    /// <summary>Packets that went into the tunnel, keepalives not counted.</summary>
    public long PacketsOut;

    /// <summary>Bytes of messages of all kinds, their headers included.</summary>
    public long BytesOut;

    /// <summary>Keepalives received.</summary>
    public long KeepalivesIn;

    /// <summary>Keepalives sent.</summary>
    public long KeepalivesOut;

    /// <summary>Initiations sent, first ones and later ones.</summary>
    public long InitiationsOut;

    /// <summary>Authentic initiations received and answered.</summary>
    public long InitiationsIn;

    /// <summary>Handshakes that made a session.</summary>
    public long HandshakesCompleted;

    /// <summary>Handshakes that were given up.</summary>
    public long HandshakesGivenUp;

    /// <summary>Cookies received.</summary>
    public long CookiesIn;

    /// <summary>How often the peer was found elsewhere.</summary>
    public long EndpointMoves;

    /// <summary>What was dropped of it, or of what claimed to be from it.</summary>
    public DropCounters Drops { get; } = new();
}

/// <summary>
/// Another end: its key, where it is, and up to three sessions with it. <see cref="Current"/> is the one to send with.
/// A session that a handshake of the peer's has made is <see cref="Next"/> until a packet shows that the peer has it,
/// too; <see cref="Previous"/> is for packets that are still on their way.
/// </summary>
/// <remarks>For the thread of its engine; counters and moments may be read by any.</remarks>
internal sealed class Peer : IDisposable
{
    private const int PresharedKeyAt = 0;
    private const int StaticSharedAt = 32;
    private const int PendingNoiseAt = 64;

    private readonly SecretMemory _secrets = new(PendingNoiseAt + NoiseState.Size);
    private readonly byte[] _publicKey = new byte[Config.PublicKey.Size];
    private readonly HashSet<IpPrefix> _allowedIps = [];
    private Endpoint _endpoint;

    /// <param name="key">Its public key.</param>
    /// <param name="crypto">Primitives.</param>
    public Peer(PublicKey key, HandshakeCrypto crypto)
    {
        Key = key;
        key.CopyTo(_publicKey);
        Cookies = new CookieJar(crypto, _publicKey);
    }

    /// <summary>Its public key.</summary>
    public PublicKey Key { get; }

    /// <summary>Whatever its user keeps of it.</summary>
    public object? Tag { get; set; }

    /// <summary>Where it is; none if that is not known.</summary>
    public ref readonly Endpoint Endpoint => ref _endpoint;

    /// <summary>Packets to it are not padded beyond this length, nor beyond the MTU of the tunnel.</summary>
    public int PaddingLimit { get; set; } = int.MaxValue;

    /// <summary>Networks that it may send from and that are reached by it.</summary>
    public IReadOnlyCollection<IpPrefix> AllowedIps => _allowedIps;

    /// <summary>Milliseconds between persistent keepalives; 0 for none.</summary>
    public long PersistentKeepalive => Timers.PersistentInterval;

    /// <summary>What has been counted.</summary>
    public PeerCounters Counters { get; } = new();

    /// <summary>What its handshakes show of how its end is set up.</summary>
    public HandshakeSigns Signs { get; } = new();

    /// <summary>When a session was last completed, monotonic milliseconds; -1 before the first.</summary>
    public long LastHandshakeAt { get; internal set; } = -1;

    /// <summary>When an authentic message last came, monotonic milliseconds; -1 before the first.</summary>
    public long LastReceivedAt { get; internal set; } = -1;

    /// <summary>Milliseconds from an initiation of ours to its response, the last time; -1 before the first.</summary>
    public long LastRoundTrip { get; internal set; } = -1;

    /// <summary>What has to be kept over a restart.</summary>
    public PeerTimestamps Timestamps { get; internal set; }

    /// <summary>Whether there is a session to send with.</summary>
    public bool HasSession => Current != null;

    /// <summary>Whether it was taken out of its tunnel.</summary>
    public bool IsRemoved { get; internal set; }

    /// <summary>Packets that wait for a handshake.</summary>
    public int Waiting => WaitingQueue.Packets;

    internal Session? Previous { get; private set; }

    internal Session? Current { get; private set; }

    internal Session? Next { get; private set; }

    internal PeerTimers Timers { get; } = new();

    internal CookieJar Cookies { get; }

    internal ref WaitingPackets.Queue WaitingQueue => ref _waiting;

    internal ReadOnlySpan<byte> PublicKeyBytes => _publicKey;

    internal HashSet<IpPrefix> OwnPrefixes => _allowedIps;

    /// <summary>32 bytes; zero if there is none.</summary>
    internal Span<byte> PresharedKey => _secrets.Bytes.Slice(PresharedKeyAt, X25519PrivateKey.Size);

    /// <summary>What our static key and the peer's agree on.</summary>
    internal Span<byte> StaticShared => _secrets.Bytes.Slice(StaticSharedAt, X25519PrivateKey.Size);

    /// <summary>The state of an initiation that waits for its response.</summary>
    internal Span<byte> PendingNoise => _secrets.Bytes.Slice(PendingNoiseAt, NoiseState.Size);

    /// <summary>The ephemeral key of an initiation that waits for its response; null if none does.</summary>
    internal X25519PrivateKey? PendingKey { get; private set; }

    /// <summary>The index of that initiation.</summary>
    internal uint PendingIndex { get; private set; }

    /// <summary>When the last initiation was sent.</summary>
    internal long InitiatedAt { get; set; } = long.MinValue / 2;

    /// <summary>When the last initiation was answered.</summary>
    internal long AnsweredAt { get; set; } = long.MinValue / 2;

    /// <summary>
    /// Whether the session that is about to expire has already been replaced because of what was received.
    /// </summary>
    internal bool HasRekeyedLate { get; set; }

    /// <summary>The moment for which the engine has it on its list.</summary>
    internal long ScheduledAt { get; set; } = PeerTimers.Off;

    private WaitingPackets.Queue _waiting;

    /// <inheritdoc/>
    public void Dispose()
    {
        PendingKey?.Dispose();
        Previous?.Dispose();
        Current?.Dispose();
        Next?.Dispose();
        _secrets.Dispose();
    }

    internal void SetEndpoint(in Endpoint endpoint) => _endpoint = endpoint;

    /// <summary>Sets the preshared key for handshakes from now on.</summary>
    /// <param name="presharedKey">32 bytes; zero for none. The caller zeroes its copy.</param>
    internal void SetPresharedKey(ReadOnlySpan<byte> presharedKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(presharedKey.Length, PublicKey.Size);
        presharedKey.CopyTo(PresharedKey);
    }

    /// <summary>Remembers an initiation that was sent, in place of the one before.</summary>
    internal void SetPending(X25519PrivateKey key, uint index, SessionTable sessions)
    {
        ClearPending(sessions);
        PendingKey = key;
        PendingIndex = index;
    }

    /// <summary>Forgets the initiation that waits.</summary>
    /// <param name="sessions">Where its index is; null if it has become a session's.</param>
    internal void ClearPending(SessionTable? sessions)
    {
        if (PendingKey != null)
        {
            sessions?.Remove(PendingIndex);
            PendingKey.Dispose();
            PendingKey = null;
            PendingNoise.Clear();
        }
    }

    /// <summary>
    /// Takes a new session. One that we began is used at once, as the peer has it. One that the peer began waits for
    /// its first packet, in place of one that has waited in vain.
    /// </summary>
    /// <remarks>
    /// The session that the peer still sends with stays until the new one is in use. That is not always the one that we
    /// send with: when both ends began at once, each sends with its own, and receives with the other's.
    /// </remarks>
    internal void Install(Session session, SessionTable sessions)
    {
        sessions.Set(session);
        if (!session.IsInitiator)
        {
            End(Next, sessions);
            Next = session;
            return;
        }

        if (Previous != null && Current != null && Previous.LastReceivedAt > Current.LastReceivedAt)
        {
            End(Current, sessions);
        }
        else
        {
            End(Previous, sessions);
            Previous = Current;
        }

        Current = session;
    }

    /// <summary>
    /// The peer has used the session that waited. From now on it is the one to send with, unless we have begun one
    /// after it: if both ends gave way to the other's, neither would see to the next.
    /// </summary>
    internal void ConfirmNext(SessionTable sessions)
    {
        End(Previous, sessions);
        if (Current is { IsInitiator: true } && Current.CreatedAt >= Next!.CreatedAt)
        {
            Previous = Next;
        }
        else
        {
            Previous = Current;
            Current = Next;
        }

        Next = null;
    }

    /// <summary>Ends all sessions and the initiation that waits, and zeroes their keys.</summary>
    internal void EndSessions(SessionTable sessions)
    {
        ClearPending(sessions);
        End(Previous, sessions);
        End(Current, sessions);
        End(Next, sessions);
        Previous = Current = Next = null;
    }

    /// <summary>Lets no session send any more; they receive what is on its way.</summary>
    internal void RetireSessions()
    {
        foreach (var session in (ReadOnlySpan<Session?>)[Previous, Current, Next])
        {
            session?.IsRetired = true;
        }
    }

    private static void End(Session? session, SessionTable sessions)
    {
        if (session != null)
        {
            sessions.Remove(session.LocalIndex);
            session.Dispose();
        }
    }
}
