// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace UdpTunnel.Packets;

/// <summary>
/// The Internet checksum (RFC 1071) of IPv4 headers, and of TCP and UDP over IPv4 and IPv6.
/// <para>
/// A sum is kept unfolded in 64 bits, of words in the byte order of memory: a one's-complement sum comes out
/// byte-swapped when its words go in byte-swapped (RFC 1071, section 2 (B)), so nothing is swapped but the few values
/// that are not in memory. Sums may be added: each is below 2^40, so millions of them fit. The word is 16 bits, so
/// every piece but the last must have an even length.
/// </para>
/// </summary>
internal static unsafe class Checksum
{
    /// <summary>
    /// Sums <paramref name="length"/> bytes (0 or more, at any address); an odd last byte is padded with a zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Sum(byte* data, int length)
    {
        if (Vector256.IsHardwareAccelerated)
        {
            return SumVector256(data, length);
        }

        return Vector128.IsHardwareAccelerated ? SumVector128(data, length) : SumScalar(data, length);
    }

    /// <summary>
    /// Folds a sum to 16 bits, in the byte order of memory, not inverted. What a NEEDS_CSUM field holds of the
    /// pseudo-header.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + ((sum >> 16) & 0xFFFF) + (sum >> 32);

        // At most 0x1FFFE is left, so this carry is the last one.
        return (ushort)((sum & 0xFFFF) + (sum >> 16));
    }

    /// <summary>The checksum of a sum, ready to be stored in the byte order of memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);

    /// <summary>The same for UDP, where 0 would say 'no checksum' and 0xFFFF stands for it (RFC 768).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort FinishUdp(ulong sum)
    {
        ushort checksum = Finish(sum);
        return checksum == 0 ? (ushort)0xFFFF : checksum;
    }

    /// <summary>Sum of a 16-bit value that is given in host order, as if it stood in memory in network order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SumOf(ushort value) => NetworkOrder.Swap(value);

    /// <summary>Sum of a 32-bit value that is given in host order, as if it stood in memory in network order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SumOf(uint value) => NetworkOrder.Swap(value);

    /// <summary>
    /// Sum of the pseudo-header of TCP and UDP (RFC 9293, section 3.1; RFC 8200, section 8.1): addresses, protocol,
    /// length.
    /// </summary>
    /// <param name="packet">An IPv4 or IPv6 packet; the addresses are read from it.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="transportLength">Length of the TCP or UDP header and payload, 0 to 65,535.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong PseudoHeader(byte* packet, byte protocol, int transportLength) =>
        SumAddresses(packet) + SumOf((ushort)protocol) + SumOf((ushort)transportLength);

    /// <summary>Sum of both addresses of an IPv4 or IPv6 packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SumAddresses(byte* packet) =>
        packet[0] >> 4 == 4
            ? (ulong)Unsafe.ReadUnaligned<uint>(packet + Ipv4Header.Source)
                + Unsafe.ReadUnaligned<uint>(packet + Ipv4Header.Destination)
            : SumScalar(packet + Ipv6Header.Source, Ipv6Header.Length - Ipv6Header.Source);

    /// <summary>Sum of an IPv4 header without options: 20 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong SumMinimalIpv4Header(byte* packet)
    {
        ulong first = Unsafe.ReadUnaligned<ulong>(packet);
        ulong second = Unsafe.ReadUnaligned<ulong>(packet + 8);
        return (uint)first + (first >> 32) + (uint)second + (second >> 32) + Unsafe.ReadUnaligned<uint>(packet + 16);
    }

    /// <summary>Whether the checksum of an IPv4 header is right.</summary>
    /// <param name="packet">First byte of the header.</param>
    /// <param name="headerLength">Its length, 20 to 60 bytes, all of them readable.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool VerifyIpv4Header(byte* packet, int headerLength) =>
        Fold(headerLength == Ipv4Header.MinLength ? SumMinimalIpv4Header(packet) : Sum(packet, headerLength)) == 0xFFFF;

    /// <summary>
    /// Whether the checksum of a whole TCP segment or UDP datagram is right. A UDP checksum of 0 (none) is not.
    /// </summary>
    /// <param name="packet">First byte of the IPv4 or IPv6 packet; it is no fragment.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="headerLength">Length of the IP header.</param>
    /// <param name="length">
    /// Length of the packet, at most 65,535, with at least the fixed part of the transport header in it.
    /// </param>
    public static bool VerifyTransport(byte* packet, byte protocol, int headerLength, int length)
    {
        byte* transport = packet + headerLength;
        int transportLength = length - headerLength;
        return Fold(Sum(transport, transportLength) + PseudoHeader(packet, protocol, transportLength)) == 0xFFFF
            && (protocol != Ipv4Header.Udp || Unsafe.ReadUnaligned<ushort>(transport + UdpHeader.Checksum) != 0);
    }

    /// <summary>
    /// Finishes the checksum of a packet with <see cref="VirtioNetHeader.NeedsChecksum"/>, whose field holds the folded
    /// sum of the pseudo-header. A result of 0 is stored as 0xFFFF, as the kernel's skb_checksum_help does: UDP
    /// requires it and every receiver takes it for TCP.
    /// </summary>
    /// <param name="packet">First byte of the packet.</param>
    /// <param name="length">Length of the packet.</param>
    /// <param name="checksumStart">Offset of the first summed byte.</param>
    /// <param name="checksumOffset">Offset of the checksum field, from <paramref name="checksumStart"/>.</param>
    /// <returns>False, and nothing is written, if the field would lie outside of the packet.</returns>
    public static bool Complete(byte* packet, int length, int checksumStart, int checksumOffset)
    {
        if (checksumStart < 0 || checksumOffset < 0 || (long)checksumStart + checksumOffset + sizeof(ushort) > length)
        {
            return false;
        }

        byte* start = packet + checksumStart;
        ushort checksum = FinishUdp(Sum(start, length - checksumStart));
        Unsafe.WriteUnaligned(start + checksumOffset, checksum);
        return true;
    }

    /// <summary><see cref="Sum"/> with 256-bit vectors; correct, but slow, where the processor has none.</summary>
    /// <remarks>
    /// Per lane of 64 bits with halves h and l: 'both' sums 2^32·h + l modulo 2^64 and 'high' sums h alone, so the sum
    /// of l is what is left. That is one operation less than splitting each vector into its halves.
    /// </remarks>
    internal static ulong SumVector256(byte* data, int length)
    {
        Vector256<ulong> both0 = default,
            both1 = default,
            high0 = default,
            high1 = default;
        while (length >= 128)
        {
            Vector256<ulong> a = Vector256.Load((ulong*)data);
            Vector256<ulong> b = Vector256.Load((ulong*)(data + 32));
            Vector256<ulong> c = Vector256.Load((ulong*)(data + 64));
            Vector256<ulong> d = Vector256.Load((ulong*)(data + 96));
            both0 += a;
            both1 += b;
            high0 += Vector256.ShiftRightLogical(a, 32);
            high1 += Vector256.ShiftRightLogical(b, 32);
            both0 += c;
            both1 += d;
            high0 += Vector256.ShiftRightLogical(c, 32);
            high1 += Vector256.ShiftRightLogical(d, 32);
            data += 128;
            length -= 128;
        }

        while (length >= 32)
        {
            Vector256<ulong> a = Vector256.Load((ulong*)data);
            both0 += a;
            high0 += Vector256.ShiftRightLogical(a, 32);
            data += 32;
            length -= 32;
        }

        Vector256<ulong> high = high0 + high1;
        Vector256<ulong> low = both0 + both1 - Vector256.ShiftLeft(high, 32);
        return Narrow(Vector256.Sum(low + high)) + SumScalar(data, length);
    }

    /// <summary>
    /// <see cref="Sum"/> with 128-bit vectors (arm64); correct, but slow, where the processor has none.
    /// </summary>
    internal static ulong SumVector128(byte* data, int length)
    {
        Vector128<ulong> both0 = default,
            both1 = default,
            high0 = default,
            high1 = default;
        while (length >= 64)
        {
            Vector128<ulong> a = Vector128.Load((ulong*)data);
            Vector128<ulong> b = Vector128.Load((ulong*)(data + 16));
            Vector128<ulong> c = Vector128.Load((ulong*)(data + 32));
            Vector128<ulong> d = Vector128.Load((ulong*)(data + 48));
            both0 += a;
            both1 += b;
            high0 += Vector128.ShiftRightLogical(a, 32);
            high1 += Vector128.ShiftRightLogical(b, 32);
            both0 += c;
            both1 += d;
            high0 += Vector128.ShiftRightLogical(c, 32);
            high1 += Vector128.ShiftRightLogical(d, 32);
            data += 64;
            length -= 64;
        }

        Vector128<ulong> high = high0 + high1;
        Vector128<ulong> low = both0 + both1 - Vector128.ShiftLeft(high, 32);
        return Narrow(Vector128.Sum(low + high)) + SumScalar(data, length);
    }

    /// <summary><see cref="Sum"/> in steps of at most 8 bytes; also what is left behind the last vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong SumScalar(byte* data, int length)
    {
        ulong sum = 0;
        while (length >= 8)
        {
            ulong word = Unsafe.ReadUnaligned<ulong>(data);
            sum += (uint)word + (word >> 32);
            data += 8;
            length -= 8;
        }

        if ((length & 4) != 0)
        {
            sum += Unsafe.ReadUnaligned<uint>(data);
            data += 4;
        }

        if ((length & 2) != 0)
        {
            sum += Unsafe.ReadUnaligned<ushort>(data);
            data += 2;
        }

        if ((length & 1) != 0)
        {
            sum += BitConverter.IsLittleEndian ? *data : (uint)*data << 8;
        }

        return Narrow(sum);
    }

    /// <summary>2^32 is 1 modulo 2^16 - 1: the upper half may be added to the lower, which keeps sums small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Narrow(ulong sum) => (uint)sum + (sum >> 32);
}
