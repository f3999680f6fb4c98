using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Puts frames on a connection that carries datagrams: collects the frames of one wake-up and sends them by one system
/// call that never blocks. Belongs to one thread.
/// </summary>
/// <remarks>
/// Memory per connection: 256 KiB for frames and 1.5 MiB for bytes that the connection has not taken yet. When 1 MiB is
/// pending, datagrams are refused.
/// </remarks>
internal sealed class FrameWriter(TcpSocket socket, LinkStream stream, IRelayCodec codec, LockStep step)
{
    /// <summary>Bytes that may wait for the connection.</summary>
    public const int Limit = 1024 * 1024;

    /// <summary>
    /// Room for bytes that wait: frames that were collected, their TLS records' overhead, and control frames above the
    /// limit.
    /// </summary>
    public const int PendingSize = Limit + (2 * FramesSize);

    private const int FramesSize = 256 * 1024;

    // Pongs and the like still pass when datagrams no longer do.
    private const int ControlLimit = Limit + (FramesSize / 2);

    private readonly byte[] _frames = GC.AllocateUninitializedArray<byte>(FramesSize);
    private int _count;
    private bool _isBroken;

    /// <summary>Whether bytes wait for the connection to take them.</summary>
    public bool IsPending => stream.PendingCount > 0;

    /// <summary>The connection.</summary>
    public TcpSocket Socket => socket;

    /// <summary>Adds a datagram.</summary>
    /// <returns>False if too much is pending already.</returns>
    public bool TryAdd(uint flowId, byte[] label, ReadOnlySpan<byte> datagram)
    {
        var length = codec.FrameLength(datagram.Length, label);
        if (stream.PendingCount + _count + length > Limit)
        {
            return false;
        }

        Reserve(length);
        _count += codec.WriteDatagram(_frames.AsSpan(_count), flowId, label, datagram);
        step.CountSent();
        return true;
    }

    /// <summary>
    /// Adds another frame; it is left out if too much is pending, for none is needed while data flows.
    /// </summary>
    public void AddControl(FrameType type, uint flowId, ReadOnlySpan<byte> payload)
    {
        if (stream.PendingCount + _count > ControlLimit)
        {
            return;
        }

        Reserve(TlsCodec.HeaderLength + TlsCodec.MaxControl);
        _count += codec.WriteControl(_frames.AsSpan(_count), type, flowId, payload);
    }

    /// <summary>Sends the bytes that the connection takes now.</summary>
    public void Flush()
    {
        var isWritten = _isBroken || _count == 0 || stream.TryWrite(_frames.AsSpan(0, _count));
        _count = 0;
        if (!_isBroken && (!isWritten || !stream.TryFlush()))
        {
            // Nothing can be sent any more; the next read finds the end.
            _isBroken = true;
            socket.Shutdown();
        }

        if (_isBroken)
        {
            stream.Discard();
        }
    }

    private void Reserve(int length)
    {
        if (_count + length > FramesSize)
        {
            // Long datagrams that came at once are more than may be pending, and the connection may well take them.
            Flush();
        }
    }
}
