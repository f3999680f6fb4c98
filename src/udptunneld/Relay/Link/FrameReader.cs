// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Takes frames from a connection. A frame that <see cref="Next"/> gives is valid until the next fill. Belongs to the
/// connection's thread.
/// </summary>
/// <remarks>
/// Memory: 4 KiB while the peer is a stranger, then a buffer that holds at least two of the longest frames.
/// </remarks>
internal sealed unsafe class FrameReader(LinkStream stream, IRelayCodec codec, LockStep step) : IDisposable
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

    /// <summary>
    /// Takes the bytes that have come, without waiting. Of a peer that is trusted, the bytes of one system call fit
    /// beside the longest frame; of a stranger, <see cref="FillMore"/> takes the rest when the frames were taken.
    /// </summary>
    /// <returns>
    /// How many; <see cref="TcpSocket.Nothing"/> if there are none, 0 if the connection ended or a frame is too long.
    /// </returns>
    public int Fill()
    {
        stream.BeginFill();
        return FillMore();
    }

    /// <summary>The same without asking the kernel.</summary>
    /// <inheritdoc cref="Fill"/>
    public int FillMore()
    {
        Compact();
        if (_end == _buffer.Length)
        {
            IsOverfull = true;
            return 0;
        }

        var before = _end;
        var came = TcpSocket.Nothing;
        while (_end < _buffer.Length && (came = stream.Read(_buffer.AsSpan(_end))) > 0)
        {
            _end += came;
        }

        return _end > before ? _end - before : came;
    }

    /// <summary>Takes the next frame out of the bytes.</summary>
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
