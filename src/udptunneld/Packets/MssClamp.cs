// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Lowers the maximum segment size that a SYN announces (RFC 9293, section 3.7.1) to what the path carries, so that the
/// other end of a TCP connection never sends longer segments. Pure.
/// </summary>
internal static unsafe class MssClamp
{
    private const byte End = 0;
    private const byte NoOperation = 1;
    private const byte MaxSegmentSize = 2;
    private const int OptionLength = 4;

    /// <summary>Whether a packet announces a maximum segment size: a whole TCP segment with SYN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsAnnouncement(in PacketView packet) =>
        packet.Protocol == Ipv4Header.Tcp
        && packet.Part == FragmentPart.Whole
        && (packet.Transport[TcpHeader.Flags] & TcpHeader.Syn) != 0;

    /// <summary>Lowers what a SYN announces; leaves alone what is small enough, and what is malformed.</summary>
    /// <param name="packet">The segment, see <see cref="IsAnnouncement"/>.</param>
    /// <param name="mtu">Longest packet that the path carries.</param>
    /// <param name="hasChecksum">
    /// Whether the segment's checksum is there and has to stay right; false if it is still to be computed.
    /// </param>
    /// <returns>Whether it was lowered.</returns>
    public static bool Apply(in PacketView packet, int mtu, bool hasChecksum)
    {
        var header = packet.Transport;
        var most = mtu - (packet.IsV6 ? Ipv6Header.Length : Ipv4Header.MinLength) - TcpHeader.MinLength;
        var end = header + ((header[TcpHeader.DataOffset] >> 4) * 4);
        var option = header + TcpHeader.MinLength;
        while (option < end && *option != End)
        {
            if (*option == NoOperation)
            {
                option++;
                continue;
            }

            if (option + 1 >= end || option[1] < 2 || option + option[1] > end)
            {
                return false;
            }

            if (*option == MaxSegmentSize && option[1] == OptionLength)
            {
                return Lower(header, option + 2, most, hasChecksum);
            }

            option += option[1];
        }

        return false;
    }

    private static bool Lower(byte* header, byte* value, int most, bool hasChecksum)
    {
        var announced = NetworkOrder.ReadUInt16(value);
        if (announced <= most || most <= 0)
        {
            return false;
        }

        NetworkOrder.WriteUInt16(value, (ushort)most);
        if (hasChecksum)
        {
            // RFC 1624, equation 3; at an odd place each byte counts in the other half of its word.
            var isOdd = (value - header) % 2 != 0;
            var before = Checksum.SumOf(isOdd ? NetworkOrder.Swap(announced) : announced);
            var after = Checksum.SumOf(isOdd ? NetworkOrder.Swap((ushort)most) : (ushort)most);
            var checksum = header + TcpHeader.Checksum;
            var sum = (ulong)(ushort)~Unsafe.ReadUnaligned<ushort>(checksum) + (ushort)~(ushort)before + after;
            Unsafe.WriteUnaligned(checksum, Checksum.Finish(sum));
        }

        return true;
    }
}
