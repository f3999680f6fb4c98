// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Integers as they travel: big-endian (RFC 791, appendix B), at any address. The caller guarantees that the bytes are
/// there.
/// </summary>
internal static unsafe class NetworkOrder
{
    /// <summary>Reads 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ReadUInt16(byte* at) => Swap(Unsafe.ReadUnaligned<ushort>(at));

    /// <summary>Reads 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ReadUInt32(byte* at) => Swap(Unsafe.ReadUnaligned<uint>(at));

    /// <summary>Writes 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteUInt16(byte* at, ushort value) => Unsafe.WriteUnaligned(at, Swap(value));

    /// <summary>Writes 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteUInt32(byte* at, uint value) => Unsafe.WriteUnaligned(at, Swap(value));

    /// <summary>From host to network order or back; nothing on a big-endian host.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Swap(ushort value) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    /// <inheritdoc cref="Swap(ushort)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Swap(uint value) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
}
