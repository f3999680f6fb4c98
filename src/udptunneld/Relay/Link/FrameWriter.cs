using System.Net.Security;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Puts frames on a connection that carries datagrams: collects what one wake-up brought and sends it by one system call that never blocks.
/// Belongs to one thread.
/// </summary>
/// <remarks>
/// Memory per connection: 256 KiB for frames and 1.5 MiB for what the connection has not taken yet. When 1 MiB is pending, datagrams are refused.
/// </remarks>
internal sealed class FrameWriter(TcpSocket socket, LinkStream stream, SslStream? ssl, IRelayCodec codec, LockStep step)
{
    /// <summary>Bytes that may wait for the connection.</summary>
    public const int Limit = 1024 * 1024;

    private const int FramesSize = 256 * 1024;

    // Frames that were collected, their TLS records' overhead, and control frames above the limit.
    private const int PendingSize = Limit + (2 * FramesSize);

    // Pongs and the like still pass when datagrams no longer do.
    private const int ControlLimit = Limit + (FramesSize / 2);

    private readonly byte[] _frames = GC.AllocateUninitializedArray<byte>(FramesSize);
    private readonly PendingBytes _pending = Collecting(stream);
    private int _count;
    private bool _isBroken;

    /// <summary>Whether bytes wait for the connection to take them.</summary>
    public bool IsPending => _pending.Count > 0;

    /// <summary>The connection.</summary>
    public TcpSocket Socket => socket;

    /// <summary>Adds a datagram.</summary>
    /// <returns>False if too much is pending already.</returns>
    public bool TryAdd(uint flowId, byte[] label, ReadOnlySpan<byte> datagram)
    {
        var length = codec.FrameLength(datagram.Length, label);
        if (_pending.Count + _count + length > Limit)
        {
            return false;
        }

        Reserve(length);
        _count += codec.WriteDatagram(_frames.AsSpan(_count), flowId, label, datagram);
        step.CountSent();
        return true;
    }

    /// <summary>Adds another frame; it is left out if too much is pending, for none is needed while data flows.</summary>
    public void AddControl(FrameType type, uint flowId, ReadOnlySpan<byte> payload)
    {
        if (_pending.Count + _count > ControlLimit)
        {
            return;
        }

        Reserve(TlsCodec.HeaderLength + TlsCodec.MaxControl);
        _count += codec.WriteControl(_frames.AsSpan(_count), type, flowId, payload);
    }

    /// <summary>Sends what the connection takes now.</summary>
    public void Flush()
    {
        Seal();
        while (_pending.Count > 0 && !_isBroken)
        {
            var sent = socket.TrySend(_pending.Bytes);
            if (sent < 0)
            {
                Break();
                return;
            }

            var all = sent == _pending.Count;
            _pending.Remove(sent);
            if (sent == 0 || all)
            {
                return;
            }
        }
    }

    private static PendingBytes Collecting(LinkStream stream)
    {
        var pending = new PendingBytes(PendingSize);
        stream.Collect(pending);
        return pending;
    }

    private void Reserve(int length)
    {
        if (_count + length > FramesSize)
        {
            // Long datagrams that came at once are more than may be pending, and the connection may well take them.
            Flush();
        }
    }

    /// <summary>Hands the collected frames to TLS, whose records go to the pending bytes.</summary>
    private void Seal()
    {
        if (_count == 0)
        {
            return;
        }

        if (!_isBroken)
        {
            try
            {
                if (ssl is null)
                {
                    stream.Write(_frames, 0, _count);
                }
                else
                {
                    ssl.Write(_frames, 0, _count);
                }
            }
            catch (Exception)
            {
                // As in FrameReader: the end of this connection, and of nothing else.
                Break();
            }
        }

        _count = 0;
    }

    /// <summary>Nothing can be sent any more; whoever reads finds the end and does the rest.</summary>
    private void Break()
    {
        _isBroken = true;
        _pending.Remove(_pending.Count);
        socket.Shutdown();
    }
}
