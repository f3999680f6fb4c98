using UdpTunnel.Relay.Wire;
using UdpTunnel.Service;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Takes frames from a connection. What <see cref="Next"/> gives is valid until the next <see cref="Fill"/>. Belongs to the reading thread.
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
    /// <param name="pulse">Of a thread that carries datagrams; null while there are none.</param>
    /// <returns>False if the connection ended, or a frame is longer than a stranger may send.</returns>
    public bool Fill(Pulse? pulse = null)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            IsOverfull = true;
            return false;
        }

        try
        {
            pulse?.Waits();
            var read = stream.Read(_buffer, _end, _buffer.Length - _end);
            pulse?.Works();
            _end += read;
            return read > 0;
        }
        catch (Exception)
        {
            // Whatever TLS throws about a peer's bytes is the end of this connection, and of nothing else.
            return false;
        }
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
                step.Count();
            }

            return status;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer = [];
}
