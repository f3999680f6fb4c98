// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class SegmenterTests
{
    private static readonly ClassicWireFormat Format = new("word");

    [Fact]
    public void A_61_kb_superpacket_becomes_one_run_of_49_datagrams()
    {
        var spec = new TestPacket { TcpOptions = new byte[12], Payload = new Random(1).Bytes(49 * 1248) };
        using var memory = new GuardedMemory(70_000);
        using var batch = new SendBatch(16);
        Assert.Equal(DropReason.None, Cut(memory, batch, spec.BuildSuperpacket(), spec.VirtioHeader(1248), 1300));
        Run run = Assert.Single(batch.Runs.ToArray());
        Assert.Equal(49, run.Datagrams);
        Assert.Equal(1316, run.DatagramSize);
        Assert.Equal(49 * 1316, run.TotalBytes);
        Assert.Equal(2, run.SlicesPerDatagram);
        Assert.All(Packets(batch), packet => Assert.Equal(1300, packet.Length));
    }

    [Fact]
    public void Packets_are_those_of_the_naive_segmenter() => Randomised.Check(600, random =>
        {
            TestPacket spec = TestPacket.Any(random, random.OneOf(100, 3000, 65_415));
            int gsoSize = random.OneOf(1 + random.Next(100), 536, 1248, 1448, 1 + random.Next(65_535));
            int mtu = random.OneOf(1280, 1300, 1500, 9000, 65_491);
            CheckAgainstModel(spec, gsoSize, mtu);
        });

    [Fact]
    public void Fragments_put_together_are_the_packet_also_if_it_was_a_fragment() => Randomised.Check(500, random =>
        {
            var spec = new TestPacket
            {
                IsUdp = true,
                DontFragment = false,
                IpOptions = new byte[4 * random.Next(3)],
                Payload = random.Bytes(1 + random.Next(random.OneOf(100, 3000, 60_000))),
            };
            List<byte[]> fragments = Fragmented([spec.Build()], random.OneOf(576, 1280, 1300, 9000));
            Assert.Equal(spec.Build(), PutTogether(fragments));
            Assert.Equal(spec.Build(), PutTogether(Fragmented(fragments, mtu: 100)));
        });

    [Fact]
    public void What_must_not_be_fragmented_is_not()
    {
        Assert.False(
            IsPlanned(
                new TestPacket
                {
                    IsUdp = true,
                    DontFragment = true,
                    Payload = new byte[2000],
                },
                1280
            )
        );
        Assert.False(
            IsPlanned(
                new TestPacket
                {
                    IsUdp = true,
                    IsV6 = true,
                    Payload = new byte[2000],
                },
                1280
            )
        );
        Assert.False(
            IsPlanned(
                new TestPacket
                {
                    IsUdp = true,
                    DontFragment = false,
                    Payload = new byte[2000],
                },
                27
            )
        );
        Assert.True(
            IsPlanned(
                new TestPacket
                {
                    IsUdp = true,
                    DontFragment = false,
                    Payload = new byte[2000],
                },
                28
            )
        );

        static bool IsPlanned(TestPacket spec, int mtu)
        {
            byte[] packet = spec.Build();
            fixed (byte* start = packet)
            {
                return Segmenter.TryPlanFragments(PacketView.Parse(start, packet.Length), mtu, out _);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(TestPacket.Fin | TestPacket.Psh | TestPacket.Cwr)]
    public void Every_flag_goes_where_it_belongs(byte fixedFlags)
    {
        for (int flags = 0; flags < 256; flags++)
        {
            var spec = new TestPacket { Flags = (byte)(flags | fixedFlags), Payload = new byte[2500] };
            CheckAgainstModel(spec, 1000, 1300);
        }
    }

    [Fact]
    public void Fin_and_push_are_on_the_last_packet_and_cwr_on_the_first()
    {
        var spec = new TestPacket
        {
            Flags = TestPacket.Fin | TestPacket.Psh | TestPacket.Ack | TestPacket.Cwr | TestPacket.Ece,
            Payload = new byte[2500],
        };
        VirtioNetHeader header = spec.VirtioHeader(1000) with { GsoType = VirtioNetHeader.TcpV4 | VirtioNetHeader.Ecn };
        List<byte[]> packets = CutAll(spec.BuildSuperpacket(), header, 1300);
        Assert.Equal(
            [
                TestPacket.Ack | TestPacket.Cwr | TestPacket.Ece,
                TestPacket.Ack | TestPacket.Ece,
                TestPacket.Fin | TestPacket.Psh | TestPacket.Ack | TestPacket.Ece,
            ],
            packets.Select(packet => (int)packet[33])
        );
    }

    [Fact]
    public void Sequence_and_id_wrap_around()
    {
        var spec = new TestPacket
        {
            Sequence = uint.MaxValue - 999,
            Id = ushort.MaxValue,
            Payload = new byte[2500],
        };
        List<byte[]> packets = CutAll(spec.BuildSuperpacket(), spec.VirtioHeader(1000), 1300);
        Assert.Equal(
            ["FFFFFC18", "00000000", "000003E8"],
            packets.Select(packet => Convert.ToHexString(packet, 24, 4))
        );
        Assert.Equal(["FFFF", "0000", "0001"], packets.Select(packet => Convert.ToHexString(packet, 4, 2)));
    }

    [Fact]
    public void Tcp_that_exceeds_the_mtu_is_cut_smaller()
    {
        var spec = new TestPacket { Payload = new byte[3000] };
        List<byte[]> packets = CutAll(spec.BuildSuperpacket(), spec.VirtioHeader(1460), 1300);
        Assert.Equal([1300, 1300, 40 + 480], packets.Select(packet => packet.Length));
    }

    [Fact]
    public void Udp_that_exceeds_the_mtu_is_too_big()
    {
        var spec = new TestPacket { IsUdp = true, Payload = new byte[3000] };
        Assert.Equal(DropReason.None, Plan(spec.BuildSuperpacket(), spec.VirtioHeader(1272), 1300));
        Assert.Equal(DropReason.TooBig, Plan(spec.BuildSuperpacket(), spec.VirtioHeader(1273), 1300));

        // What counts is the packet that would be sent, not the segment size in the header.
        TestPacket small = spec with { Payload = new byte[100] };
        Assert.Equal(DropReason.None, Plan(small.BuildSuperpacket(), small.VirtioHeader(5000), 1300));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void A_superpacket_of_at_most_one_segment_is_one_packet(int payload)
    {
        foreach (bool udp in (bool[])[false, true])
        {
            var spec = new TestPacket { IsUdp = udp, Payload = new byte[payload] };
            PacketLists.AssertSame([spec.Build()], CutAll(spec.BuildSuperpacket(), spec.VirtioHeader(1000), 1300));
        }
    }

    [Fact]
    public void A_datagram_never_exceeds_65507_bytes_however_large_the_mtu()
    {
        var tcp = new TestPacket { Payload = new byte[65_495] };
        List<byte[]> packets = CutAll(tcp.BuildSuperpacket(), tcp.VirtioHeader(65_495), 65_520);
        Assert.Equal([65_491, 40 + 44], packets.Select(packet => packet.Length));

        var udp = new TestPacket { IsUdp = true, Payload = new byte[65_507] };
        Assert.Equal(DropReason.TooBig, Plan(udp.BuildSuperpacket(), udp.VirtioHeader(65_507), 65_520));
        Assert.Equal(DropReason.None, Plan(udp.BuildSuperpacket(), udp.VirtioHeader(65_463), 65_520));
    }

    [Theory]
    [InlineData(8, 0, 0)]
    [InlineData(8, 40, 40)]
    [InlineData(64, 0, 12)]
    public void The_smallest_segments_of_the_largest_superpacket_fit_an_empty_batch(
        int gsoSize,
        int ipOptions,
        int tcpOptions
    )
    {
        var spec = new TestPacket { IpOptions = new byte[ipOptions], TcpOptions = new byte[tcpOptions] };
        spec = spec with { Payload = new Random(5).Bytes(65_535 - spec.HeaderLength) };
        List<byte[]> packets = CutAll(spec.BuildSuperpacket(), spec.VirtioHeader(gsoSize), 1300);
        PacketLists.AssertSame(NaiveSegmenter.Cut(spec.BuildSuperpacket(), gsoSize), packets);
    }

    [Fact]
    public void More_packets_than_a_batch_holds_are_malformed()
    {
        var spec = new TestPacket { Payload = new byte[65_000] };
        Assert.Equal(DropReason.Malformed, Plan(spec.BuildSuperpacket(), spec.VirtioHeader(7), 1300));

        spec = spec with { Payload = new byte[SendBatch.MaxDatagrams] };
        Assert.Equal(DropReason.None, Plan(spec.BuildSuperpacket(), spec.VirtioHeader(1), 1300));
        spec = spec with { Payload = new byte[SendBatch.MaxDatagrams + 1] };
        Assert.Equal(DropReason.Malformed, Plan(spec.BuildSuperpacket(), spec.VirtioHeader(1), 1300));
    }

    [Fact]
    public void What_does_not_fit_leaves_the_batch_as_it_was()
    {
        var spec = new TestPacket { Payload = new byte[1000 * 10] };
        using var memory = new GuardedMemory(20_000);
        using var batch = new SendBatch(16);
        byte other = 1;
        for (int i = 0; i < SendBatch.MaxDatagrams - 999; i++)
        {
            Assert.True(batch.AddDatagram(&other, 1, 1));
        }

        var segmenter = new Segmenter(Format);
        byte* packet = memory.PlaceAtEnd(spec.BuildSuperpacket());
        Assert.Equal(DropReason.None, segmenter.Plan(packet, 10_040, spec.VirtioHeader(10), 1300, out CutPlan plan));
        Assert.Equal(1000, plan.Datagrams);
        Assert.False(segmenter.TryCut(plan, batch));
        Assert.Equal(SendBatch.MaxDatagrams - 999, batch.DatagramCount);
        batch.Clear();
        Assert.True(segmenter.TryCut(plan, batch));
        PacketLists.AssertSame(NaiveSegmenter.Cut(spec.BuildSuperpacket(), 10), Packets(batch));
    }

    [Fact]
    public void The_header_length_of_the_virtio_header_does_not_matter()
    {
        var spec = new TestPacket { TcpOptions = new byte[12], Payload = new byte[3000] };
        foreach (ushort headerLength in (ushort[])[0, 40, 54, 60, 65_535])
        {
            PacketLists.AssertSame(
                NaiveSegmenter.Cut(spec.BuildSuperpacket(), 1000),
                CutAll(spec.BuildSuperpacket(), spec.VirtioHeader(1000) with { HeaderLength = headerLength }, 1300)
            );
        }
    }

    internal static DropReason Plan(byte[] packet, VirtioNetHeader header, int mtu)
    {
        using var memory = new GuardedMemory(packet.Length + 1);
        return new Segmenter(Format).Plan(memory.PlaceAtEnd(packet), packet.Length, header, mtu, out _);
    }

    private static void CheckAgainstModel(TestPacket spec, int gsoSize, int mtu)
    {
        byte[] superpacket = spec.BuildSuperpacket();
        int room = Math.Min(mtu, 65_507 - 16) - spec.HeaderLength;
        int size = Math.Min(gsoSize, spec.Payload.Length);
        DropReason expected = size > room && spec.IsUdp ? DropReason.TooBig : DropReason.None;
        int segment = size > room ? room : gsoSize;
        if (expected == DropReason.None && (spec.Payload.Length + segment - 1) / segment > SendBatch.MaxDatagrams)
        {
            expected = DropReason.Malformed;
        }

        using var memory = new GuardedMemory(superpacket.Length);
        using var batch = new SendBatch(16);
        Assert.Equal(expected, Cut(memory, batch, superpacket, spec.VirtioHeader(gsoSize), mtu));
        if (expected == DropReason.None)
        {
            List<byte[]> packets = Packets(batch);
            PacketLists.AssertSame(NaiveSegmenter.Cut(superpacket, segment), packets);
            Assert.All(packets, packet => Assert.InRange(packet.Length, 1, mtu));
        }
        else
        {
            Assert.True(batch.IsEmpty);
        }
    }

    private static List<byte[]> CutAll(byte[] superpacket, VirtioNetHeader header, int mtu)
    {
        using var memory = new GuardedMemory(superpacket.Length);
        using var batch = new SendBatch(16);
        Assert.Equal(DropReason.None, Cut(memory, batch, superpacket, header, mtu));
        return Packets(batch);
    }

    private static DropReason Cut(GuardedMemory memory, SendBatch batch, byte[] packet, VirtioNetHeader header, int mtu)
    {
        var segmenter = new Segmenter(Format);
        byte* start = memory.PlaceAtEnd(packet);
        DropReason reason = segmenter.Plan(start, packet.Length, header, mtu, out CutPlan plan);
        if (reason == DropReason.None)
        {
            Assert.True(segmenter.TryCut(plan, batch));
            Assert.Equal(plan.Datagrams, batch.DatagramCount);
            Assert.Equal(packet, new Span<byte>(start, packet.Length).ToArray());
        }

        return reason;
    }

    private static List<byte[]> Fragmented(List<byte[]> packets, int mtu)
    {
        List<byte[]> fragments = [];
        foreach (byte[] packet in packets)
        {
            using var memory = new GuardedMemory(packet.Length);
            using var batch = new SendBatch(16);
            var view = PacketView.Parse(memory.PlaceAtEnd(packet), packet.Length);
            Assert.True(Segmenter.TryPlanFragments(view, mtu, out CutPlan plan));
            Assert.True(new Segmenter(Format).TryCut(plan, batch));
            Assert.Equal(plan.Datagrams, batch.DatagramCount);
            fragments.AddRange(Packets(batch));
        }

        Assert.All(fragments, f => Assert.InRange(f.Length, 21, mtu));
        return fragments;
    }

    /// <summary>As a host does it (RFC 815), the fragments in any order.</summary>
    private static byte[] PutTogether(List<byte[]> fragments)
    {
        byte[] packet = new byte[65_535];
        int header = (fragments[0][0] & 15) * 4;
        int length = 0;
        int covered = 0;
        foreach (byte[] fragment in fragments)
        {
            Assert.Equal(0xFFFF, NaiveChecksum.Sum(fragment.AsSpan(..header)));
            Assert.Equal(fragment.Length, BinaryPrimitives.ReadUInt16BigEndian(fragment.AsSpan(2)));
            int word = BinaryPrimitives.ReadUInt16BigEndian(fragment.AsSpan(6));
            int at = header + ((word & 0x1FFF) * 8);
            fragment.AsSpan(header).CopyTo(packet.AsSpan(at));
            covered += fragment.Length - header;
            length = (word & 0x2000) == 0 ? at + fragment.Length - header : length;
        }

        Assert.Equal(length - header, covered);
        fragments[0].AsSpan(0, header).CopyTo(packet);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~NaiveChecksum.Sum(packet.AsSpan(0, header)));
        return packet[..length];
    }

    /// <summary>The packets of all datagrams, each of which must carry the magic.</summary>
    private static List<byte[]> Packets(SendBatch batch)
    {
        List<byte[]> packets = [];
        foreach (byte[] datagram in SentDatagrams.Of(batch))
        {
            fixed (byte* start = datagram)
            {
                Assert.Equal(DropReason.None, Format.Open(start, datagram.Length));
            }

            packets.Add(datagram[16..]);
        }

        return packets;
    }
}
