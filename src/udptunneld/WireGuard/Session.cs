// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;

namespace UdpTunnel.WireGuard;

/// <summary>
/// What a handshake leads to: a key for each direction, a counter for what is sent and a window for what is received.
/// </summary>
/// <remarks>
/// Keys lie in OpenSSL's memory only, and are zeroed when the session is disposed of. For one thread at a time; several
/// workers on a tunnel would each have keys of their own, take counters by an atomic addition and share the window
/// under a lock.
/// </remarks>
internal sealed unsafe class Session : IDisposable
{
    private readonly ChaChaKey _sealing;
    private readonly ChaChaKey _opening;

    /// <param name="peer">Whose session it is.</param>
    /// <param name="localIndex">The index that the peer names it by.</param>
    /// <param name="remoteIndex">The index that we name it by.</param>
    /// <param name="isInitiator">Whether this end began the handshake.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="sealing">Key of what is sent, 32 bytes; the caller zeroes its copy.</param>
    /// <param name="opening">Key of what is received, 32 bytes; the caller zeroes its copy.</param>
    public Session(
        Peer peer,
        uint localIndex,
        uint remoteIndex,
        bool isInitiator,
        long now,
        ReadOnlySpan<byte> sealing,
        ReadOnlySpan<byte> opening
    )
    {
        Peer = peer;
        LocalIndex = localIndex;
        RemoteIndex = remoteIndex;
        IsInitiator = isInitiator;
        CreatedAt = now;
        _sealing = ChaChaKey.ForSealing(sealing);
        _opening = ChaChaKey.ForOpening(opening);
    }

    /// <summary>Whose session it is.</summary>
    public Peer Peer { get; }

    /// <summary>The index that the peer names it by.</summary>
    public uint LocalIndex { get; }

    /// <summary>The index that we name it by.</summary>
    public uint RemoteIndex { get; }

    /// <summary>Whether this end began the handshake: that one sees to the next.</summary>
    public bool IsInitiator { get; }

    /// <summary>When it was made, monotonic milliseconds.</summary>
    public long CreatedAt { get; }

    /// <summary>The counter of the next message that is sent.</summary>
    public ulong NextCounter { get; internal set; }

    /// <summary>
    /// Whether it must not send any more, though it still receives: the private key it was made with is no longer ours.
    /// </summary>
    public bool IsRetired { get; set; }

    /// <summary>When a packet was last received, monotonic milliseconds; -1 before the first.</summary>
    public long LastReceivedAt { get; set; } = -1;

    /// <summary>What has been received.</summary>
    public ReplayWindow Received { get; } = new();

    /// <summary>How old it is.</summary>
    public long AgeAt(long now) => now - CreatedAt;

    /// <summary>Whether so many more messages may be sent.</summary>
    public bool CanSend(long now, int messages) =>
        !IsRetired
        && AgeAt(now) < Protocol.RejectAfterTime
        && NextCounter <= Protocol.RejectAfterMessages - (ulong)messages;

    /// <summary>Takes counters for so many messages. Those that are not used are left out.</summary>
    /// <returns>The first of them.</returns>
    public ulong TakeCounters(int messages)
    {
        ulong first = NextCounter;
        NextCounter += (ulong)messages;
        return first;
    }

    /// <summary>Makes a message of a packet in place.</summary>
    /// <param name="datagram">
    /// Where the message begins: the packet stands 16 bytes behind, and room for padding and a tag of 16 bytes behind
    /// that.
    /// </param>
    /// <param name="length">Length of the packet.</param>
    /// <param name="counter">One of <see cref="TakeCounters"/>, used once.</param>
    /// <param name="mtu">Padding does not go beyond it.</param>
    /// <returns>Length of the message; 0 if OpenSSL had no memory.</returns>
    public int Seal(byte* datagram, int length, ulong counter, int mtu)
    {
        byte* packet = datagram + TransportMessage.HeaderSize;
        int padded = TransportMessage.PaddedLength(length, mtu);
        new Span<byte>(packet + length, padded - length).Clear();
        TransportMessage.WriteHeader(datagram, RemoteIndex, counter);
        return _sealing.Seal(counter, packet, padded) ? padded + TransportMessage.Overhead : 0;
    }

    /// <summary>Opens a message in place.</summary>
    /// <param name="datagram">The message.</param>
    /// <param name="length">Its length, at least 32.</param>
    /// <param name="counter">What it names as its counter.</param>
    /// <returns>Whether it is authentic; the packet and its padding then stand at 16.</returns>
    public bool Open(byte* datagram, int length, ulong counter) =>
        _opening.Open(counter, datagram + TransportMessage.HeaderSize, length - TransportMessage.HeaderSize);

    /// <inheritdoc/>
    public void Dispose()
    {
        _sealing.Dispose();
        _opening.Dispose();
    }
}
