using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Takes frames from a connection. What <see cref="Next"/> gives is valid until it is filled again. Belongs to the thread that reads.
/// </summary>
/// <remarks>Memory: 4 KiB while the peer is a stranger, then a buffer that holds at least two of the longest frames.</remarks>
internal sealed unsafe class FrameReader(Stream stream, IRelayCodec codec, LockStep step) : IDisposable
{
    private const int StrangerSize = 4096;
    private const int LeastSize = 256 * 1024;

    // Pinned, so that the kernel sends datagrams from where they were read.
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(StrangerSize, pinned: true);
    private int _start;
    private int _end;

    /// <summary>Whether a frame did not fit: longer than a stranger may send.</summary>
    public bool IsOverfull { get; private set; }

    /// <summary>Makes room for datagrams.</summary>
    public void TrustPeer()
    {
        if (_buffer.Length > StrangerSize)
        {
            return;
        }

        var larger = GC.AllocateUninitializedArray<byte>(Math.Max(LeastSize, 2 * codec.MaxFrame), pinned: true);
        _buffer.AsSpan(_start, _end - _start).CopyTo(larger);
        _end -= _start;
        _start = 0;
        _buffer = larger;
    }

    /// <summary>Waits for more bytes.</summary>
    /// <returns>False if the connection ended, or a frame is longer than a stranger may send.</returns>
    public bool Fill()
    {
        Compact();
        if (_end == _buffer.Length)
        {
            IsOverfull = true;
            return false;
        }

        try
        {
            var read = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            return read > 0;
        }
        catch (Exception)
        {
            // Whatever TLS throws about a peer's bytes is the end of this connection, and of nothing else.
            return false;
        }
    }

    /// <summary>Takes the bytes that have come, without waiting. Of a peer that is trusted: all that is received at once fits beside the longest frame.</summary>
    /// <param name="link">Where they come from.</param>
    /// <returns>How many; <see cref="TcpSocket.Nothing"/> if there are none, 0 if the connection ended.</returns>
    public int TryFill(LinkStream link)
    {
        Compact();
        var before = _end;
        int came;
        try
        {
            came = link.TryReceive();
            while (link.IsReady)
            {
                var read = stream.Read(_buffer, _end, _buffer.Length - _end);
                if (read == 0)
                {
                    came = 0;
                    break;
                }

                _end += read;
            }
        }
        catch (LinkStream.NothingYetException)
        {
            came = TcpSocket.Nothing;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or NotSupportedException)
        {
            came = 0;
        }

        return _end > before ? _end - before : came == 0 ? 0 : TcpSocket.Nothing;
    }

    /// <summary>Takes the next frame out of what has come.</summary>
    public FrameStatus Next(out RelayFrame frame)
    {
        // The array is pinned for good.
        fixed (byte* bytes = _buffer)
        {
            var status = codec.Read(bytes + _start, _end - _start, out frame, out var consumed);
            _start += consumed;
            if (status == FrameStatus.Complete && frame.Type == FrameType.Datagram)
            {
                step.CountReceived();
            }

            return status;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer = [];

    private void Compact()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
    }
}
