// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class PortFilterMalformedTests : IDisposable
{
    private readonly PortFilter _filter = new(PortFilterCalls.Ports(22));
    private readonly FilterPacket _tcp = new() { Payload = 100 };
    private readonly FilterPacket _udp = new() { Protocol = FilterPacket.Udp, Payload = 100 };

    [Fact]
    public void Nothing_and_other_versions_are_not_ipv4()
    {
        Assert.Equal(DropReason.NotIpv4, _filter.Check(Direction.In, [], 1));
        for (int version = 0; version < 16; version++)
        {
            byte[] packet = _tcp.Build();
            packet[0] = (byte)((version << 4) | 5);
            Assert.Equal(version == 4 ? DropReason.None : DropReason.NotIpv4, _filter.Check(Direction.In, packet, 1));
        }
    }

    [Theory]
    [InlineData(FilterPacket.Tcp, 20)]
    [InlineData(FilterPacket.Udp, 8)]
    [InlineData(FilterPacket.Icmp, 8)]
    public void A_packet_that_ends_within_its_headers_is_malformed(byte protocol, int transportHeader)
    {
        byte[] whole = new FilterPacket
        {
            Protocol = protocol,
            IpOptions = 8,
            Payload = 0,
        }.Build();
        Assert.Equal(28 + transportHeader, whole.Length);
        Assert.Equal(DropReason.None, _filter.Check(Direction.In, whole, 1));
        for (int length = 1; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            if (length >= 4)
            {
                cut[3] = (byte)length;
            }

            Assert.Equal(DropReason.Malformed, _filter.Check(Direction.In, cut, 1));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(-108)]
    [InlineData(256)]
    public void A_packet_is_exactly_as_long_as_its_header_says(int difference)
    {
        byte[] packet = _tcp.Build();
        int length = packet.Length + difference;
        packet[2] = (byte)(length >> 8);
        packet[3] = (byte)length;
        Assert.Equal(DropReason.Malformed, _filter.Check(Direction.Out, packet, 1));
    }

    [Fact]
    public void An_ip_header_below_5_words_is_malformed()
    {
        byte[] packet = _tcp.Build();
        packet[0] = 0x44;
        Assert.Equal(DropReason.Malformed, _filter.Check(Direction.Out, packet, 1));
    }

    [Theory]
    [InlineData(0, DropReason.Malformed)]
    [InlineData(4, DropReason.Malformed)]
    [InlineData(5, DropReason.None)]
    [InlineData(6, DropReason.None)]
    [InlineData(7, DropReason.Malformed)]
    [InlineData(15, DropReason.Malformed)]
    public void The_tcp_header_lies_within_the_packet(int words, object verdict)
    {
        byte[] packet = (_tcp with { Payload = 4 }).Build();
        packet[32] = (byte)(words << 4);
        Assert.Equal((DropReason)verdict, _filter.Check(Direction.Out, packet, 1));
    }

    [Theory]
    [InlineData(0, DropReason.Malformed)]
    [InlineData(7, DropReason.Malformed)]
    [InlineData(8, DropReason.None)]
    [InlineData(107, DropReason.None)]
    [InlineData(108, DropReason.None)]
    [InlineData(109, DropReason.Malformed)]
    public void A_udp_length_covers_the_header_and_no_more_than_the_packet(int length, object verdict)
    {
        byte[] packet = _udp.Build();
        packet[24] = 0;
        packet[25] = (byte)length;
        Assert.Equal((DropReason)verdict, _filter.Check(Direction.Out, packet, 1));
    }

    [Fact]
    public void Superpackets_of_up_to_65535_bytes_are_decided_like_packets()
    {
        Assert.Equal(DropReason.None, _filter.Out(_tcp with { Payload = 65_535 - 40 }));
        Assert.Equal(DropReason.None, _filter.Out(_udp with { Payload = 65_535 - 28 }));
        Assert.Equal(DropReason.Port, _filter.Out(_udp with { Payload = 65_535 - 28, DestinationPort = 23 }));
        Assert.Equal(DropReason.Malformed, _filter.Out(_udp with { Payload = 65_536 - 28 }));
    }

    [Fact]
    public unsafe void Garbage_of_every_length_is_decided_without_a_look_outside()
    {
        using var memory = new GuardedMemory(4096);
        Randomised.Check(20, random =>
        {
            for (int length = 0; length <= 200; length++)
            {
                byte[] garbage = random.Bytes(length);
                if (length > 0 && random.Chance(90))
                {
                    garbage[0] = (byte)(0x40 | random.Next(16));
                }

                if (length > 9 && random.Chance(90))
                {
                    garbage[2] = 0;
                    garbage[3] = (byte)length;
                    garbage[9] = random.OneOf<byte>(1, 6, 17);
                    garbage[6] = random.Chance(50) ? (byte)0 : garbage[6];
                    garbage[7] = random.Chance(50) ? (byte)0 : garbage[7];
                }

                byte* atEnd = memory.PlaceAtEnd(garbage);
                DropReason first = _filter.Check(Direction.In, atEnd, length, 1);
                byte* atStart = memory.PlaceAtStart(garbage, room: 0);
                Assert.Equal(first, _filter.Check(Direction.In, atStart, length, 1));
                Assert.True(first is >= DropReason.None and <= DropReason.Fragment);
            }
        });
    }

    public void Dispose() => _filter.Dispose();
}
