// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class CongestionMarkTests
{
    private const int NotCapable = 0b00;
    private const int Capable1 = 0b01;
    private const int Capable0 = 0b10;
    private const int Experienced = 0b11;

    /// <summary>RFC 6040, figure 4; -1 is dropped.</summary>
    private static readonly int[,] Table =
    {
        // Outer: 00, 01 ECT(1), 10 ECT(0), 11 CE.
        { NotCapable, NotCapable, NotCapable, -1 },
        { Capable1, Capable1, Capable1, Experienced },
        { Capable0, Capable1, Capable0, Experienced },
        { Experienced, Experienced, Experienced, Experienced },
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_gets_the_mark_of_its_datagram_by_the_table_of_the_standard(bool isV6)
    {
        for (var inner = NotCapable; inner <= Experienced; inner++)
        {
            for (var outer = NotCapable; outer <= Experienced; outer++)
            {
                Check(inner, outer, isV6);
            }
        }
    }

    private static void Check(int inner, int outer, bool isV6)
    {
        var packet = Packet(inner, isV6);
        var before = packet.ToArray();

        fixed (byte* start = packet)
        {
            var passes = CongestionMark.TryApply(start, packet.Length, outer);

            Assert.Equal(Table[inner, outer] >= 0, passes);
            Assert.Equal(
                passes ? Table[inner, outer] : inner,
                CongestionMark.Of(PacketView.Parse(start, packet.Length))
            );
            if (!isV6)
            {
                Assert.Equal(0xFFFF, FoldedSum(packet.AsSpan(0, 20)));
            }
        }

        // Nothing but the bits, and the checksum over them.
        before[1] = packet[1];
        (before[10], before[11]) = isV6 ? (before[10], before[11]) : (packet[10], packet[11]);
        Assert.Equal(before, packet);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(19)]
    public void What_is_no_packet_stays_as_it_is(int length)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, (byte)0x45);
        fixed (byte* start = bytes)
        {
            Assert.True(CongestionMark.TryApply(start, length, Experienced));
        }

        Assert.All(bytes, b => Assert.Equal(0x45, b));
    }

    private static byte[] Packet(int bits, bool isV6)
    {
        var packet = new TestPacket
        {
            Payload = [1, 2, 3],
            IsV6 = isV6,
            Tos = isV6 ? (byte)0 : (byte)bits,
        }.Build();
        packet[1] |= (byte)(isV6 ? bits << 4 : 0);
        return packet;
    }

    private static int FoldedSum(ReadOnlySpan<byte> header)
    {
        var sum = 0;
        for (var i = 0; i < header.Length; i += 2)
        {
            sum += (header[i] << 8) | header[i + 1];
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return (sum & 0xFFFF) + (sum >> 16);
    }
}
