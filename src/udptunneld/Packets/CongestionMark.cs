// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Explicit congestion notification across the tunnel (RFC 3168, RFC 6040): a packet's two bits go onto its datagram,
/// and a mark that a router sets on the datagram comes back to the packet. Pure.
/// <code>
///  00 the sender does not look at marks    10, 01 it does: ECT(0), ECT(1)    11 congestion experienced (CE)
/// </code>
/// </summary>
internal static unsafe class CongestionMark
{
    /// <summary>The bits in the byte of IPv4's type of service or IPv6's traffic class.</summary>
    public const int Mask = 0b11;

    private const int Experienced = 0b11;
    private const int Capable0 = 0b10;
    private const int Capable1 = 0b01;

    // The traffic class lies across the first two bytes of an IPv6 header.
    private const int ShiftV6 = 4;

    /// <summary>The bits of a packet with a whole header.</summary>
    public static byte Of(in PacketView packet) =>
        packet.Version switch
        {
            4 => (byte)(packet.Start[1] & Mask),
            6 => (byte)((packet.Start[1] >> ShiftV6) & Mask),
            _ => 0,
        };

    /// <summary>Gives a packet the mark of its datagram, by the table of RFC 6040, section 4.2.</summary>
    /// <param name="packet">The packet, whose IPv4 checksum is kept right.</param>
    /// <param name="length">Its length in bytes; what is no packet stays as it is.</param>
    /// <param name="outer">The datagram's bits.</param>
    /// <returns>
    /// False if it must be dropped: it was marked, and its sender looks at no mark but the loss of a packet.
    /// </returns>
    public static bool TryApply(byte* packet, int length, int outer)
    {
        var version = length >= Ipv4Header.MinLength ? packet[0] >> 4 : 0;
        if (version != 4 && (version != 6 || length < Ipv6Header.Length))
        {
            return true;
        }

        var shift = version == 4 ? 0 : ShiftV6;
        var inner = (packet[1] >> shift) & Mask;
        if (outer == Experienced && inner == 0)
        {
            return false;
        }

        var marked = outer == Experienced || (outer, inner) == (Capable1, Capable0) ? outer : inner;
        if (marked != inner)
        {
            var before = NetworkOrder.ReadUInt16(packet);
            packet[1] = (byte)((packet[1] & ~(Mask << shift)) | (marked << shift));
            if (version == 4)
            {
                FixChecksum(packet + Ipv4Header.HeaderChecksum, before, NetworkOrder.ReadUInt16(packet));
            }
        }

        return true;
    }

    /// <summary>RFC 1624, equation 3. A checksum that was wrong stays wrong.</summary>
    private static void FixChecksum(byte* checksum, ushort before, ushort after)
    {
        uint sum = (ushort)~NetworkOrder.ReadUInt16(checksum);
        sum += (ushort)~before;
        sum += after;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        NetworkOrder.WriteUInt16(checksum, (ushort)~sum);
    }
}
