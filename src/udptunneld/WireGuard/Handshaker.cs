// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;

namespace UdpTunnel.WireGuard;

/// <summary>
/// The handshakes of a tunnel: makes initiations, answers those of others, takes responses and cookies. Knows nothing
/// of packets.
/// </summary>
/// <remarks>
/// An initiation of ours stays pending while one of the peer's is answered (other implementations keep one handshake of
/// a peer and drop it then). So two ends that begin at the same moment both come to a session at once, and need no
/// second try after five seconds.
/// </remarks>
internal sealed unsafe class Handshaker : IDisposable
{
    private readonly HandshakeCrypto _crypto = new();
    private readonly RandomSource _random;
    private readonly SessionTable _sessions;
    private readonly HandshakeLimit _limit;
    private readonly IWireGuardOutput _output;
    private LocalIdentity _identity;
    private CookieChecker _cookies;

    /// <param name="identity">This end's key, which it owns from now on.</param>
    /// <param name="random">Chance.</param>
    /// <param name="sessions">Where sessions are entered.</param>
    /// <param name="rates">How much work strangers may cause.</param>
    /// <param name="output">Where messages and events go.</param>
    public Handshaker(
        LocalIdentity identity,
        RandomSource random,
        SessionTable sessions,
        HandshakeRates rates,
        IWireGuardOutput output
    )
    {
        _identity = identity;
        _random = random;
        _sessions = sessions;
        _limit = new HandshakeLimit(rates);
        _output = output;
        _cookies = new CookieChecker(_crypto, random, identity.PublicKeyBytes);
    }

    /// <summary>This end's key.</summary>
    public LocalIdentity Identity => _identity;

    /// <summary>Primitives.</summary>
    public HandshakeCrypto Crypto => _crypto;

    /// <summary>Takes another key in place of the one that this end had.</summary>
    public void Replace(LocalIdentity identity)
    {
        _cookies.Dispose();
        _identity.Dispose();
        _identity = identity;
        _cookies = new CookieChecker(_crypto, _random, identity.PublicKeyBytes);
    }

    /// <summary>Works out what the static keys agree on.</summary>
    /// <returns>False if the peer's key agrees with nobody's.</returns>
    public bool Agree(Peer peer) => _identity.PrivateKey.Agree(peer.PublicKeyBytes, peer.StaticShared);

    /// <summary>
    /// Makes and sends an initiation. It waits for its response from then on, and none before it does.
    /// </summary>
    /// <param name="peer">Whose endpoint is known.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="wall">The wall clock.</param>
    /// <param name="jitter">Milliseconds.</param>
    public void Initiate(Peer peer, long now, Tai64n wall, long jitter)
    {
        Span<byte> message = stackalloc byte[InitiationMessage.Size];
        Span<byte> payload = stackalloc byte[Tai64n.Size];
        var timestamp = wall.Coarse() > peer.Timestamps.Sent ? wall.Coarse() : peer.Timestamps.Sent.NextCoarse();
        timestamp.Write(payload);

        var ephemeral = LocalIdentity.MakeEphemeral(_random);
        peer.SetPending(ephemeral, _sessions.Add(peer), _sessions);
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.Initiation);
        BinaryPrimitives.WriteUInt32LittleEndian(message[InitiationMessage.Sender..], peer.PendingIndex);
        var state = new NoiseState(_crypto, peer.PendingNoise);
        state.Begin(Protocol.Identifier, peer.PublicKeyBytes);
        var noise = message[InitiationMessage.Noise..InitiationMessage.Mac1];
        if (
            !NoiseHandshake.WriteFirst(
                state,
                _identity.PublicKeyBytes,
                peer.PublicKeyBytes,
                peer.StaticShared,
                ephemeral,
                payload,
                noise
            )
        )
        {
            peer.ClearPending(_sessions);
            return;
        }

        peer.Timestamps = peer.Timestamps with { Sent = timestamp };
        peer.InitiatedAt = now;
        peer.Counters.InitiationsOut++;
        peer.Timers.OnInitiated(now, jitter);
        Send(peer, message, InitiationMessage.Mac1, peer.Endpoint, now);
        _output.Notify(peer, PeerEvent.TimestampsMoved);
    }

    /// <summary>
    /// Whether a message may be worked on: its mac1 is right, and under load it comes with a cookie and within the
    /// rates.
    /// </summary>
    /// <param name="message">An initiation or a response.</param>
    /// <param name="mac1">Where its mac1 stands.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public WireGuardDrop Admit(ReadOnlySpan<byte> message, int mac1, in Endpoint source, long now)
    {
        if (!_cookies.HasMac1(message, mac1))
        {
            return WireGuardDrop.WrongMac1;
        }

        return _limit.CountAndTestLoad(now) ? AdmitByCookie(message, mac1, source, now) : WireGuardDrop.None;
    }

    /// <summary>
    /// Whether the sender of a message has shown by a cookie that it is where it says, and comes within the rates; if
    /// not, it is given a cookie.
    /// </summary>
    /// <inheritdoc cref="Admit"/>
    public WireGuardDrop AdmitByCookie(ReadOnlySpan<byte> message, int mac1, in Endpoint source, long now)
    {
        if (_cookies.HasMac2(message, mac1, source, now))
        {
            return _limit.Admit(source, now) ? WireGuardDrop.None : WireGuardDrop.RateLimited;
        }

        Span<byte> reply = stackalloc byte[CookieMessage.Size];
        _cookies.WriteReply(message, mac1, source, now, reply);
        fixed (byte* start = reply)
        {
            _output.Send(start, reply.Length, 0, source, null);
        }

        return WireGuardDrop.UnderLoad;
    }

    /// <summary>Reads an initiation as far as it names its sender.</summary>
    /// <param name="message">The message.</param>
    /// <param name="memory">96 bytes for the state of the handshake; the caller zeroes them.</param>
    /// <param name="sender">Who it says it is.</param>
    public bool ReadSender(ReadOnlySpan<byte> message, Span<byte> memory, out PublicKey sender)
    {
        var state = new NoiseState(_crypto, memory);
        state.Begin(Protocol.Identifier, _identity.PublicKeyBytes);
        return NoiseHandshake.ReadStaticKey(
            state,
            _identity.PrivateKey,
            message[InitiationMessage.Noise..InitiationMessage.Mac1],
            out sender
        );
    }

    /// <summary>Whether the sender of an initiation has the key that it names, for one that is no peer's.</summary>
    /// <param name="sender">The key.</param>
    /// <param name="message">The message.</param>
    /// <param name="memory">As <see cref="ReadSender"/> left it; stays as it is.</param>
    public bool ProvesKey(PublicKey sender, ReadOnlySpan<byte> message, ReadOnlySpan<byte> memory)
    {
        Span<byte> copy = stackalloc byte[NoiseState.Size];
        Span<byte> key = stackalloc byte[PublicKey.Size];
        Span<byte> shared = stackalloc byte[X25519PrivateKey.Size];
        Span<byte> payload = stackalloc byte[Tai64n.Size + ChaChaKey.TagSize];
        memory.CopyTo(copy);
        sender.CopyTo(key);
        var noise = message[InitiationMessage.Noise..InitiationMessage.Mac1];
        var proved =
            _identity.PrivateKey.Agree(key, shared)
            && NoiseHandshake.ReadFirst(new NoiseState(_crypto, copy), shared, noise, payload);
        CryptographicOperations.ZeroMemory(shared);
        CryptographicOperations.ZeroMemory(copy);
        return proved;
    }

    /// <summary>Answers an initiation, and makes the session that waits for the peer to use it.</summary>
    /// <param name="peer">Who sent it.</param>
    /// <param name="message">The message.</param>
    /// <param name="memory">As <see cref="ReadSender"/> left it.</param>
    /// <param name="source">Where it came from, and the response goes.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="wall">The wall clock.</param>
    /// <remarks>
    /// The peer's endpoint stays as it is: an initiation may be recorded and be the first to arrive by another's hand.
    /// What moves the endpoint is a packet of the session.
    /// </remarks>
    public WireGuardDrop Answer(
        Peer peer,
        ReadOnlySpan<byte> message,
        Span<byte> memory,
        in Endpoint source,
        long now,
        Tai64n wall
    )
    {
        var state = new NoiseState(_crypto, memory);
        Span<byte> payload = stackalloc byte[Tai64n.Size + ChaChaKey.TagSize];
        var noise = message[InitiationMessage.Noise..InitiationMessage.Mac1];
        if (!NoiseHandshake.ReadFirst(state, peer.StaticShared, noise, payload))
        {
            return WireGuardDrop.NotAuthentic;
        }

        var timestamp = Tai64n.Read(payload);
        if (timestamp <= peer.Timestamps.Received)
        {
            peer.Signs.OnStale(timestamp, peer.Timestamps.Received);
            return WireGuardDrop.StaleTimestamp;
        }

        if (now - peer.AnsweredAt < Protocol.InitiationInterval)
        {
            return WireGuardDrop.TooSoon;
        }

        Span<byte> response = stackalloc byte[ResponseMessage.Size];
        var index = _sessions.DrawFree();
        BinaryPrimitives.WriteUInt32LittleEndian(response, (uint)MessageType.Response);
        BinaryPrimitives.WriteUInt32LittleEndian(response[ResponseMessage.Sender..], index);
        message.Slice(InitiationMessage.Sender, sizeof(uint)).CopyTo(response[ResponseMessage.Receiver..]);
        using var ephemeral = LocalIdentity.MakeEphemeral(_random);
        if (
            !NoiseHandshake.WriteSecond(
                state,
                peer.PublicKeyBytes,
                noise[..X25519PrivateKey.Size],
                peer.PresharedKey,
                ephemeral,
                default,
                response[ResponseMessage.Noise..ResponseMessage.Mac1]
            )
        )
        {
            return WireGuardDrop.NotAuthentic;
        }

        peer.Timestamps = peer.Timestamps with { Received = timestamp };
        peer.AnsweredAt = now;
        peer.Counters.InitiationsIn++;
        peer.Signs.OnAnswered(timestamp, wall);
        peer.Counters.BytesIn += message.Length;
        var remote = BinaryPrimitives.ReadUInt32LittleEndian(message[InitiationMessage.Sender..]);
        MakeSession(peer, state, index, remote, isInitiator: false, now);
        Send(peer, response, ResponseMessage.Mac1, source, now);
        _output.Notify(peer, PeerEvent.TimestampsMoved);
        return WireGuardDrop.None;
    }

    /// <summary>Takes a response to an initiation of ours, and makes the session.</summary>
    /// <param name="peer">Whose initiation it answers; null if nobody's.</param>
    /// <param name="message">The message.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public WireGuardDrop TakeResponse(Peer? peer, ReadOnlySpan<byte> message, long now)
    {
        if (peer?.PendingKey is not { } ephemeral)
        {
            return WireGuardDrop.NotAwaited;
        }

        // A forged response must leave the handshake as it is for the true one.
        Span<byte> memory = stackalloc byte[NoiseState.Size];
        Span<byte> payload = stackalloc byte[ChaChaKey.TagSize];
        peer.PendingNoise.CopyTo(memory);
        var state = new NoiseState(_crypto, memory);
        var noise = message[ResponseMessage.Noise..ResponseMessage.Mac1];
        if (!NoiseHandshake.ReadSecond(state, _identity.PrivateKey, ephemeral, peer.PresharedKey, noise, payload))
        {
            state.Clear();
            peer.Signs.OnUnverified();
            return WireGuardDrop.NotAuthentic;
        }

        var remote = BinaryPrimitives.ReadUInt32LittleEndian(message[ResponseMessage.Sender..]);
        peer.Counters.BytesIn += message.Length;
        peer.LastRoundTrip = now - peer.InitiatedAt;
        MakeSession(peer, state, peer.PendingIndex, remote, isInitiator: true, now);
        peer.ClearPending(null);
        return WireGuardDrop.None;
    }

    /// <summary>Takes a cookie, for the next message to the peer.</summary>
    /// <param name="peer">Whose message the reply answers; null if nobody's.</param>
    /// <param name="message">The reply.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public static WireGuardDrop TakeCookie(Peer? peer, ReadOnlySpan<byte> message, long now)
    {
        if (peer == null)
        {
            return WireGuardDrop.NotAwaited;
        }

        if (!peer.Cookies.Take(message, now))
        {
            return WireGuardDrop.NotAuthentic;
        }

        peer.Counters.CookiesIn++;
        return WireGuardDrop.None;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _identity.Dispose();
        _cookies.Dispose();
        _limit.Dispose();
        _crypto.Dispose();
    }

    private void MakeSession(Peer peer, NoiseState state, uint local, uint remote, bool isInitiator, long now)
    {
        Span<byte> keys = stackalloc byte[2 * ChaChaKey.KeySize];
        var toResponder = keys[..ChaChaKey.KeySize];
        var toInitiator = keys[ChaChaKey.KeySize..];
        state.Split(toResponder, toInitiator);
        var session = isInitiator
            ? new Session(peer, local, remote, isInitiator, now, sealing: toResponder, opening: toInitiator)
            : new Session(peer, local, remote, isInitiator, now, sealing: toInitiator, opening: toResponder);
        CryptographicOperations.ZeroMemory(keys);
        peer.Install(session, _sessions);
        peer.Timers.OnSessionMade(now);
    }

    private void Send(Peer peer, Span<byte> message, int mac1, in Endpoint endpoint, long now)
    {
        peer.Cookies.Sign(message, mac1, now);
        peer.Counters.BytesOut += message.Length;
        peer.Timers.OnSent(now);
        fixed (byte* start = message)
        {
            _output.Send(start, message.Length, 0, endpoint, peer);
        }
    }
}
