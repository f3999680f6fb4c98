// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using System.Text;

namespace UdpTunnel.Linux;

/// <summary>
/// Builds one rtnetlink request. All numbers in host byte order (RFC 3549, include/uapi/linux/netlink.h).
/// <code>
///  nlmsghdr:   length u32 | type u16 | flags u16 | sequence u32 | port u32
///  body:       ifinfomsg (16 bytes) or ifaddrmsg (8 bytes)
///  attributes: length u16 | type u16 | value, padded to 4 bytes …
/// </code>
/// </summary>
internal ref struct NetlinkRequest
{
    private const int HeaderSize = 16;
    private const int AttributeHeaderSize = 4;

    private readonly Span<byte> _buffer;
    private int _length;

    /// <param name="buffer">Where the request is built.</param>
    /// <param name="type">RTM_….</param>
    /// <param name="flags">NLM_F_….</param>
    /// <param name="sequence">Comes back with the answer.</param>
    public NetlinkRequest(Span<byte> buffer, ushort type, ushort flags, uint sequence)
    {
        _buffer = buffer;
        _buffer.Clear();
        MemoryMarshal.Write(_buffer[4..], type);
        MemoryMarshal.Write(_buffer[6..], flags);
        MemoryMarshal.Write(_buffer[8..], sequence);
        _length = HeaderSize;
    }

    /// <summary>The finished request.</summary>
    public readonly ReadOnlySpan<byte> Bytes
    {
        get
        {
            MemoryMarshal.Write(_buffer, (uint)_length);
            return _buffer[.._length];
        }
    }

    /// <summary>Appends a fixed structure.</summary>
    public void Append<T>(in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(_buffer[_length..], value);
        Advance(Marshal.SizeOf<T>());
    }

    /// <summary>Appends an attribute with a number.</summary>
    public void Attribute<T>(ushort type, T value)
        where T : unmanaged
    {
        Span<byte> bytes = stackalloc byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, value);
        Attribute(type, bytes);
    }

    /// <summary>Appends an attribute with a zero-terminated string.</summary>
    public void Attribute(ushort type, string value) => Attribute(type, Encoding.ASCII.GetBytes(value + "\0"));

    /// <summary>Appends an attribute.</summary>
    public void Attribute(ushort type, scoped ReadOnlySpan<byte> value)
    {
        MemoryMarshal.Write(_buffer[_length..], (ushort)(AttributeHeaderSize + value.Length));
        MemoryMarshal.Write(_buffer[(_length + 2)..], type);
        value.CopyTo(_buffer[(_length + AttributeHeaderSize)..]);
        Advance(AttributeHeaderSize + value.Length);
    }

    /// <summary>Opens an attribute that holds attributes; <see cref="EndNested"/> closes it.</summary>
    /// <returns>Where it starts.</returns>
    public int BeginNested(ushort type)
    {
        var start = _length;
        MemoryMarshal.Write(_buffer[(_length + 2)..], type);
        _length += AttributeHeaderSize;
        return start;
    }

    /// <summary>Closes what <see cref="BeginNested"/> opened.</summary>
    public readonly void EndNested(int start) => MemoryMarshal.Write(_buffer[start..], (ushort)(_length - start));

    private void Advance(int size) => _length += (size + 3) & ~3;
}
