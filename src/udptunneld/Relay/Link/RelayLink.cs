// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// One connection between sender and receiver: TCP, TLS where the protocol has it, and frames. Nothing in it waits but
/// <see cref="Wait"/>. It belongs to one thread; any may shut it down.
/// </summary>
internal sealed class RelayLink : IDisposable
{
    // 64 bring little more than half of what 128 do, and 256 no more (docs/performance.md).
    private const int EnoughGathered = 128;

    private readonly LinkStream _stream;
    private readonly LockStep _step = new();
    private readonly bool _isReceiver;
    private int _gathered;

    /// <param name="socket">The connection; it becomes the link's.</param>
    /// <param name="codec">The protocol.</param>
    /// <param name="context">The own key; null for no TLS.</param>
    /// <param name="isReceiver">Whether the peer begins.</param>
    /// <exception cref="InsufficientMemoryException">
    /// There is no memory for TLS; the socket stays the caller's.
    /// </exception>
    public RelayLink(TcpSocket socket, IRelayCodec codec, TlsContext? context, bool isReceiver)
    {
        _isReceiver = isReceiver;
        Socket = socket;
        Codec = codec;
        _stream = new LinkStream(socket, context, isReceiver);
        Reader = new FrameReader(_stream, codec, _step);
    }

    /// <summary>The TCP connection.</summary>
    public TcpSocket Socket { get; }

    /// <summary>The protocol.</summary>
    public IRelayCodec Codec { get; }

    /// <summary>Frames that come in.</summary>
    public FrameReader Reader { get; }

    /// <summary>The peer's key, once it has been proven; null for none.</summary>
    public KeyFingerprint? PeerKey { get; private set; }

    /// <summary>The version of the tls protocol; 0 before it is known, and of the classic protocol.</summary>
    public int Version => _stream.Version;

    /// <summary>The first byte that came; -1 for none.</summary>
    public int FirstByte => _stream.FirstByte;

    /// <summary>Why the handshake failed, for a person.</summary>
    public string Problem => _stream.Problem;

    /// <summary>Whether bytes wait for the connection to take them.</summary>
    public bool IsPending => _stream.PendingCount > 0;

    /// <summary>Proves both ends' keys to each other, as far as the bytes that have come allow.</summary>
    public TlsProgress Shake()
    {
        var progress = _stream.Shake();
        if (progress == TlsProgress.Done && PeerKey is null && _stream.PeerKeyHash is { } hash)
        {
            PeerKey = KeyFingerprint.FromHash(hash);
        }

        return progress;
    }

    /// <summary>Writes a frame before datagrams flow.</summary>
    /// <returns>False if the connection is broken, or its peer takes nothing.</returns>
    public bool TryWrite(FrameType type, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = stackalloc byte[TlsCodec.HeaderLength + TlsCodec.MaxControl];
        var length = Codec.WriteControl(frame, type, 0, payload);
        return (length == 0 || _stream.TryWrite(frame[..length])) && _stream.TryFlush();
    }

    /// <summary>Sends bytes that waited for the connection.</summary>
    /// <returns>False if it is broken.</returns>
    public bool TryFlush() => _stream.TryFlush();

    /// <summary>Begins to carry datagrams: has room for them from now on.</summary>
    /// <param name="counters">Of the calling thread.</param>
    public FrameWriter BeginStreaming(RelayCounters counters)
    {
        _stream.TrustPeer(FrameWriter.PendingSize);
        Reader.TrustPeer();
        return new FrameWriter(Socket, _stream, Codec, _step, counters, _isReceiver);
    }

    /// <inheritdoc cref="FrameReader.Fill"/>
    public int TryFill() => Reader.Fill();

    /// <summary>
    /// Whether to look for more before the frames are written: where several came at once more are on their way, and
    /// each few datagrams that leave by themselves cost a record, a segment and a wake-up. Those who send get the
    /// processor first.
    /// </summary>
    /// <param name="taken">How many were there this time, datagrams or descriptors that have some.</param>
    public bool ShouldGather(int taken)
    {
        _gathered += taken;
        if (taken > 1 && _gathered < EnoughGathered)
        {
            Thread.Yield();
            return true;
        }

        _gathered = 0;
        return false;
    }

    /// <summary>Waits until a descriptor is ready; while it gathers it only looks.</summary>
    /// <returns>How many are ready.</returns>
    public int Wait(Epoll epoll, int milliseconds) => _gathered > 0 ? epoll.Wait(0) : _step.Wait(epoll, milliseconds);

    /// <summary>Ends the connection. Any thread: the one that reads it finds the end.</summary>
    public void Shutdown() => Socket.Shutdown();

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        Socket.Dispose();
        Reader.Dispose();
    }
}
