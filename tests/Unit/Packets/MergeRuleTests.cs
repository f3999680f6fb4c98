// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Packets;

/// <summary>Which packets may follow each other in a group.</summary>
public sealed class MergeRuleTests
{
    private static readonly TestPacket Tcp = new() { Payload = new Random(1).Bytes(100) };
    private static readonly TestPacket Udp = new() { IsUdp = true, Payload = new Random(2).Bytes(100) };

    [Fact]
    public void Other_flags_than_ack_push_and_fin_are_not_merged()
    {
        for (int flags = 0; flags < 256; flags++)
        {
            bool mergeable = (flags & ~(TestPacket.Psh | TestPacket.Fin)) == TestPacket.Ack;
            byte[][] packets = CoalescerTests.Train(Tcp, 100, 100);
            packets[1] = (Tcp with { Flags = (byte)flags, Id = 8, Sequence = 1100 }).Build();
            Assert.Equal(mergeable ? 1 : 2, CoalescerTests.Sizes(packets).Length);
        }
    }

    public static TheoryData<string> Differences =>
        [
            "source",
            "destination",
            "source port",
            "destination port",
            "tos",
            "ttl",
            "don't fragment",
            "id",
            "sequence",
            "acknowledgment",
            "window",
            "urgent pointer",
            "options",
            "more options",
            "reserved bits",
            "reserved flag",
            "accurate ECN",
            "ip options",
            "fragment",
            "no payload",
            "padding",
            "ip checksum",
            "tcp checksum",
        ];

    [Theory]
    [MemberData(nameof(Differences))]
    public void A_segment_that_differs_does_not_join(string what)
    {
        TestPacket first = Tcp with { TcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], DontFragment = what != "id" };
        TestPacket next = first with { Sequence = 1100, Id = 8 };
        Assert.Equal([2], CoalescerTests.Sizes([first.Build(), next.Build()]));
        byte[] packet = what switch
        {
            "source" => (next with { Source = 1 }).Build(),
            "destination" => (next with { Destination = 1 }).Build(),
            "source port" => (next with { SourcePort = 1 }).Build(),
            "destination port" => (next with { DestinationPort = 1 }).Build(),
            "tos" => (next with { Tos = 3 }).Build(),
            "ttl" => (next with { Ttl = 63 }).Build(),
            "don't fragment" => (next with { DontFragment = false }).Build(),
            "id" => (next with { Id = 9 }).Build(),
            "sequence" => (next with { Sequence = 1101 }).Build(),
            "acknowledgment" => (next with { Acknowledgment = 1 }).Build(),
            "window" => (next with { Window = 1 }).Build(),
            "urgent pointer" => (next with { Urgent = 1 }).Build(),
            "options" => (next with { TcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 3] }).Build(),
            "more options" => (next with { TcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 1, 1] }).Build(),
            "reserved bits" => Changed(next.Build(), 32, 0x02),
            "accurate ECN" => Changed(next.Build(), 32, 0x01),
            "reserved flag" => Changed(next.Build(), 6, 0x80),
            "ip options" => (next with { IpOptions = [1, 1, 1, 1] }).Build(),
            "fragment" => Changed(next.Build(), 6, 0x20),
            "no payload" => (next with { Payload = [] }).Build(),
            "padding" => [.. next.Build(), 0],
            "ip checksum" => Flipped(next.Build(), 10),
            "tcp checksum" => Flipped(next.Build(), 36),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
        Assert.Equal([1, 1], CoalescerTests.Sizes([first.Build(), packet]));
        Assert.Equal([1, 1], CoalescerTests.Sizes([packet, first.Build()]));
    }

    [Theory]
    [InlineData("source")]
    [InlineData("tos")]
    [InlineData("no checksum")]
    [InlineData("udp checksum")]
    [InlineData("udp length")]
    [InlineData("no payload")]
    public void A_datagram_that_differs_does_not_join(string what)
    {
        TestPacket next = Udp with { Id = 8 };
        byte[] packet = what switch
        {
            "source" => (next with { Source = 1 }).Build(),
            "tos" => (next with { Tos = 3 }).Build(),
            "no checksum" => WithoutChecksum(next.Build()),
            "udp checksum" => Flipped(next.Build(), 26),
            "udp length" => Changed(next.Build(), 25, 0x03),
            "no payload" => (next with { Payload = [] }).Build(),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
        Assert.Equal([1, 1], CoalescerTests.Sizes([Udp.Build(), packet]));
        Assert.Equal([1, 1], CoalescerTests.Sizes([packet, Udp.Build()]));
    }

    [Fact]
    public void The_id_counts_only_where_fragments_are_allowed()
    {
        Assert.Equal([2], CoalescerTests.Sizes([Udp.Build(), (Udp with { Id = 0 }).Build()]));
        TestPacket mayFragment = Udp with { DontFragment = false, Id = 0xFFFF };
        Assert.Equal([2], CoalescerTests.Sizes([mayFragment.Build(), (mayFragment with { Id = 0 }).Build()]));
        Assert.Equal([1, 1], CoalescerTests.Sizes([mayFragment.Build(), (mayFragment with { Id = 1 }).Build()]));
    }

    [Fact]
    public void Sequence_numbers_wrap_around()
    {
        byte[][] packets = CoalescerTests.Train(Tcp with { Sequence = uint.MaxValue - 149 }, 100, 100, 100);
        Assert.Equal([3], CoalescerTests.Sizes(packets));
    }

    private static byte[] Changed(byte[] packet, int at, byte bits)
    {
        packet[at] ^= bits;
        TestPacket.FixChecksums(packet);
        return packet;
    }

    private static byte[] Flipped(byte[] packet, int at)
    {
        packet[at] ^= 0x10;
        return packet;
    }

    private static byte[] WithoutChecksum(byte[] packet)
    {
        packet[26] = packet[27] = 0;
        return packet;
    }
}
