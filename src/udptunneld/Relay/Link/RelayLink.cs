using System.Net.Security;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// One connection between sender and receiver: TCP, TLS where the protocol has it, and frames. While it is being set up one thread reads, and any may write
/// short frames. From <see cref="BeginStreaming"/> on only the thread that did so writes, without locks, and from <see cref="ReceiveAhead"/> on it also reads.
/// </summary>
internal sealed class RelayLink : IDisposable
{
    // 64 bring little more than half of what 128 do, and 256 no more (docs/performance.md).
    private const int EnoughGathered = 128;

    private readonly LinkStream _stream;
    private readonly SslStream? _ssl;

    // Protects writing before streaming begins.
    private readonly Lock _writing = new();
    private bool _streams;

    private readonly LockStep _step = new();
    private int _gathered;

    /// <param name="socket">The connection; it becomes the link's.</param>
    /// <param name="codec">The protocol.</param>
    /// <param name="isTls">Whether it is encrypted.</param>
    public RelayLink(TcpSocket socket, IRelayCodec codec, bool isTls)
    {
        Socket = socket;
        Codec = codec;
        _stream = new LinkStream(socket, isTls);
        _ssl = isTls ? new SslStream(_stream, leaveInnerStreamOpen: true) : null;
        Reader = new FrameReader((Stream?)_ssl ?? _stream, codec, _step);
    }

    /// <summary>The TCP connection.</summary>
    public TcpSocket Socket { get; }

    /// <summary>The protocol.</summary>
    public IRelayCodec Codec { get; }

    /// <summary>Frames that come in.</summary>
    public FrameReader Reader { get; }

    /// <summary>The peer's key, once it has been proven; null for none.</summary>
    public KeyFingerprint? PeerKey { get; private set; }

    /// <summary>The first byte that came; -1 for none.</summary>
    public int FirstByte => _stream.FirstByte;

    /// <summary>Proves both ends' keys to each other.</summary>
    /// <exception cref="IOException">The connection ended.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">It failed.</exception>
    public void Secure(Identity identity, bool isReceiver)
    {
        if (_ssl is not null)
        {
            PeerKey = TlsHandshake.Run(_ssl, identity, isReceiver);
        }
    }

    /// <summary>Writes a frame before datagrams flow.</summary>
    /// <returns>False if they flow already or the connection is broken.</returns>
    public bool TryWrite(FrameType type, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = stackalloc byte[TlsCodec.HeaderLength + TlsCodec.MaxControl];
        var length = Codec.WriteControl(frame, type, 0, payload);
        lock (_writing)
        {
            if (_streams)
            {
                return false;
            }

            try
            {
                if (length > 0)
                {
                    ((Stream?)_ssl ?? _stream).Write(frame[..length]);
                }

                return true;
            }
            catch (Exception)
            {
                return false;
            }
        }
    }

    /// <summary>Begins to carry datagrams; the calling thread is the only one that writes from now on.</summary>
    public FrameWriter BeginStreaming()
    {
        lock (_writing)
        {
            _streams = true;
            return new FrameWriter(Socket, _stream, _ssl, Codec, _step);
        }
    }

    /// <summary>
    /// From now on the reader has room for datagrams, and is filled by <see cref="TryFill"/> alone, which never waits. The thread that carries datagrams, when
    /// the one that read before is through.
    /// </summary>
    public void ReceiveAhead()
    {
        _stream.ReceiveAhead();
        Reader.TrustPeer();
    }

    /// <inheritdoc cref="FrameReader.TryFill"/>
    public int TryFill() => Reader.TryFill(_stream);

    /// <summary>
    /// Whether to look for more before what was taken is written: where several came at once more are on their way, and each few datagrams that leave by
    /// themselves cost a record, a segment and a wake-up. Those who send get the processor first. The thread that carries datagrams.
    /// </summary>
    /// <param name="taken">How many were there this time, datagrams or descriptors that have some.</param>
    public bool Gathers(int taken)
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

    /// <summary>Waits until a descriptor is ready; while it gathers it only looks. The thread that carries datagrams.</summary>
    /// <returns>How many are ready.</returns>
    public int Wait(Epoll epoll, int milliseconds) => _gathered > 0 ? epoll.Wait(0) : _step.Wait(epoll, milliseconds);

    /// <summary>Ends the connection: the reading thread finds its end.</summary>
    public void Shutdown() => Socket.Shutdown();

    /// <inheritdoc/>
    public void Dispose()
    {
        _ssl?.Dispose();
        _stream.Dispose();
        Socket.Dispose();
        Reader.Dispose();
    }
}
