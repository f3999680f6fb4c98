// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Packets;

/// <summary>RFC 1071 word by word, as the text says.</summary>
internal static class NaiveChecksum
{
    /// <summary>One's-complement sum of big-endian words, folded, not inverted.</summary>
    public static ushort Sum(params ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)((bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
            if (sum > 0xFFFF)
            {
                sum -= 0xFFFF;
            }
        }

        return (ushort)sum;
    }

    public static ushort Of(ReadOnlySpan<byte> bytes) => (ushort)~Sum(bytes);

    /// <summary>Pseudo-header and transport segment of a packet, its checksum field zeroed.</summary>
    public static ushort OfTransport(ReadOnlySpan<byte> packet)
    {
        (int ip, byte protocol) = TestPacket.Layout(packet);
        byte[] pseudoHeader = PseudoHeader(packet);
        byte[] all = [.. pseudoHeader, .. packet[ip..]];
        int field = pseudoHeader.Length + (protocol == 6 ? 16 : 6);
        all[field] = all[field + 1] = 0;
        ushort checksum = Of(all);
        return protocol == 17 && checksum == 0 ? (ushort)0xFFFF : checksum;
    }

    public static ushort SumOfPseudoHeader(ReadOnlySpan<byte> packet) => Sum(PseudoHeader(packet));

    private static byte[] PseudoHeader(ReadOnlySpan<byte> packet)
    {
        (int ip, byte protocol) = TestPacket.Layout(packet);
        int length = packet.Length - ip;
        return packet[0] >> 4 == 6
            ? [.. packet[8..40], 0, 0, (byte)(length >> 8), (byte)length, 0, 0, 0, protocol]
            : [.. packet[12..20], 0, protocol, (byte)(length >> 8), (byte)length];
    }
}
