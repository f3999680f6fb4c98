// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>
/// An address and a UDP port in the kernel's own layout, so that what <c>recvmmsg</c> wrote is compared and sent to
/// without conversion.
/// <code>
///  sockaddr_in6 (28 bytes):  family u16 | port u16 (network order) | flow u32 | address 16 bytes | scope u32
///  sockaddr_in  (16 bytes):  family u16 | port u16 (network order) | address 4 bytes | zero 8 bytes
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = MaxLength)]
internal unsafe struct Endpoint : IEquatable<Endpoint>
{
    /// <summary>Room for the longer of the two layouts.</summary>
    public const int MaxLength = 28;

    private const int LengthV4 = 16;

    private fixed byte _bytes[MaxLength];

    /// <summary>Whether this is no endpoint at all (the default value).</summary>
    public readonly bool IsNone => Family == 0;

    /// <summary>Bytes in use: 16 or 28.</summary>
    public readonly int Length => Family == SocketConstants.AF_INET ? LengthV4 : MaxLength;

    private readonly ushort Family => Unsafe.ReadUnaligned<ushort>(in _bytes[0]);

    /// <summary>Makes an endpoint for a socket.</summary>
    /// <param name="endpoint">The address and port.</param>
    /// <param name="dualStack">
    /// The socket is IPv6 and takes IPv4 addresses in their mapped form (::ffff:a.b.c.d).
    /// </param>
    public static Endpoint From(IPEndPoint endpoint, bool dualStack)
    {
        var result = default(Endpoint);
        var address = dualStack ? endpoint.Address.MapToIPv6() : endpoint.Address;
        var bytes = new Span<byte>(result._bytes, MaxLength);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)endpoint.Port);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            MemoryMarshal.Write(bytes, (ushort)SocketConstants.AF_INET);
            address.TryWriteBytes(bytes[4..], out _);
        }
        else
        {
            MemoryMarshal.Write(bytes, (ushort)SocketConstants.AF_INET6);
            address.TryWriteBytes(bytes[8..], out _);
            MemoryMarshal.Write(bytes[24..], address.IsIPv4MappedToIPv6 ? 0u : (uint)address.ScopeId);
        }

        return result;
    }

    /// <summary>The address as 16 bytes, IPv4 in its mapped form; says nothing of the port.</summary>
    public readonly (ulong High, ulong Low) AddressBits
    {
        get
        {
            fixed (byte* start = _bytes)
            {
                return Family == SocketConstants.AF_INET
                    ? (
                        0,
                        0xFFFF_0000_0000UL | BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(start + 4, 4))
                    )
                    : (
                        BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(start + 8, 8)),
                        BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(start + 16, 8))
                    );
            }
        }
    }

    /// <summary>Whether another endpoint is of the same host, whatever its port.</summary>
    public readonly bool HasAddressOf(in Endpoint other) => AddressBits == other.AddressBits;

    /// <summary>Whether the address is of IPv4, in either layout.</summary>
    public readonly bool IsV4 => AddressBits is { High: 0, Low: var low } && low >> 32 == 0xFFFF;

    /// <summary>The port.</summary>
    public readonly ushort Port => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ushort>(in _bytes[2]));

    /// <summary>Port and scope, which tell apart endpoints of one address.</summary>
    public readonly ulong OtherBits
    {
        get
        {
            ulong port = Unsafe.ReadUnaligned<ushort>(in _bytes[2]);
            return Family == SocketConstants.AF_INET
                ? port
                : port | ((ulong)Unsafe.ReadUnaligned<uint>(in _bytes[24]) << 32);
        }
    }

    /// <summary>Reads what the kernel wrote.</summary>
    public static Endpoint Read(byte* address) => Unsafe.ReadUnaligned<Endpoint>(address);

    /// <summary>The address, IPv4 where it was mapped, and the port.</summary>
    public readonly IPEndPoint ToIPEndPoint()
    {
        fixed (byte* start = _bytes)
        {
            var bytes = new ReadOnlySpan<byte>(start, MaxLength);
            var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
            if (Family == SocketConstants.AF_INET)
            {
                return new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), port);
            }

            var address = new IPAddress(bytes.Slice(8, 16), MemoryMarshal.Read<uint>(bytes[24..]));
            return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
        }
    }

    /// <inheritdoc/>
    public readonly bool Equals(Endpoint other)
    {
        fixed (byte* start = _bytes)
        {
            return new ReadOnlySpan<byte>(start, MaxLength).SequenceEqual(
                new ReadOnlySpan<byte>(other._bytes, MaxLength)
            );
        }
    }

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is Endpoint other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        fixed (byte* start = _bytes)
        {
            var hash = default(HashCode);
            hash.AddBytes(new ReadOnlySpan<byte>(start, MaxLength));
            return hash.ToHashCode();
        }
    }

    /// <summary>"192.0.2.7:8000" or "[2001:db8::1]:8000"; empty if there is none.</summary>
    public override readonly string ToString() => IsNone ? "" : ToIPEndPoint().ToString();
}
