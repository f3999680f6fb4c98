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
        int ip = (packet[0] & 15) * 4;
        byte[] all = [.. PseudoHeader(packet), .. packet[ip..]];
        int field = 12 + (packet[9] == 6 ? 16 : 6);
        all[field] = all[field + 1] = 0;
        ushort checksum = Of(all);
        return packet[9] == 17 && checksum == 0 ? (ushort)0xFFFF : checksum;
    }

    public static ushort SumOfPseudoHeader(ReadOnlySpan<byte> packet) => Sum(PseudoHeader(packet));

    private static byte[] PseudoHeader(ReadOnlySpan<byte> packet)
    {
        int length = packet.Length - ((packet[0] & 15) * 4);
        return [.. packet[12..20], 0, packet[9], (byte)(length >> 8), (byte)length];
    }
}
