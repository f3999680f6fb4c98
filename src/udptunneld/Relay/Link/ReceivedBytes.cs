using System.Buffers.Binary;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Bytes that came from a connection, for a TLS that must not wait: it is given one whole record after the other, so that it never asks for the rest of
/// one. Without TLS whatever came is given. Belongs to the thread that reads.
/// </summary>
/// <remarks>
/// A record (RFC 8446, section 5.1): type u8, legacy version u16 of which the first byte is 3, length u16 of what follows, big-endian.
/// Memory: one record while the peer is a stranger, 64 KiB afterwards.
/// </remarks>
/// <param name="isTls">Whether they are records.</param>
internal sealed class ReceivedBytes(bool isTls)
{
    /// <summary>The longest record: 2^14 bytes, and what any version of TLS allows beyond it.</summary>
    public const int LongestRecord = HeaderLength + (16 * 1024) + 2048;

    private const int HeaderLength = 5;
    private const int FirstType = 20;
    private const int LastType = 24;
    private const int MajorVersion = 3;
    private const int AheadSize = 64 * 1024;

    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(LongestRecord);
    private int _start;
    private int _end;

    // Bytes of a record that was begun to be taken.
    private int _left;

    /// <summary>Whether there is something to take.</summary>
    /// <exception cref="IOException">What came is not TLS.</exception>
    public bool IsReady => Takable > 0;

    /// <summary>Where the next bytes go; never empty unless something is ready.</summary>
    public Span<byte> Room
    {
        get
        {
            if (_bytes.Length - _end < LongestRecord)
            {
                _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
                _end -= _start;
                _start = 0;
            }

            return _bytes.AsSpan(_end);
        }
    }

    private int Takable => !isTls ? _end - _start : _left > 0 ? _left : WholeRecord();

    /// <summary>Makes room for several records.</summary>
    public void Grow()
    {
        if (_bytes.Length < AheadSize)
        {
            Array.Resize(ref _bytes, AheadSize);
        }
    }

    /// <summary>So many bytes were put into <see cref="Room"/>.</summary>
    public void Add(int count) => _end += count;

    /// <summary>Gives bytes, of one record at the most.</summary>
    /// <returns>How many; 0 if nothing is ready.</returns>
    /// <exception cref="IOException">What came is not TLS.</exception>
    public int Take(Span<byte> buffer)
    {
        var takable = Takable;
        var taken = Math.Min(takable, buffer.Length);
        _bytes.AsSpan(_start, taken).CopyTo(buffer);
        _start += taken;
        _left = takable - taken;
        if (_start == _end)
        {
            // Begin at the front again, so that an idle connection stays on the same few pages.
            _start = _end = 0;
        }

        return taken;
    }

    /// <returns>The length of the next record with its header; 0 if it is not there as a whole.</returns>
    private int WholeRecord()
    {
        var bytes = _bytes.AsSpan(_start, _end - _start);
        if (bytes.Length < HeaderLength)
        {
            return 0;
        }

        var length = HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
        if (bytes[0] is < FirstType or > LastType || bytes[1] != MajorVersion || length > LongestRecord)
        {
            throw new IOException("it sent what is no TLS record");
        }

        return length <= bytes.Length ? length : 0;
    }
}
