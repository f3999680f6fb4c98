// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class CoalescerTests
{
    private static readonly TestPacket Tcp = new() { Payload = new Random(1).Bytes(100) };
    private static readonly TestPacket Udp = new() { IsUdp = true, Payload = new Random(2).Bytes(100) };

    [Fact]
    public void Consecutive_segments_of_a_stream_become_one_superpacket()
    {
        byte[][] packets = Train(Tcp with { TcpOptions = new byte[12] }, 100, 100, 100, 60);
        byte[] message = Assert.Single(ReceivedBatch.Messages(packets));
        Assert.Equal(10 + 52 + 360, message.Length);
        PacketLists.AssertSame(packets, NaiveDevice.Take(message));
    }

    [Fact]
    public void Datagrams_of_one_size_become_one_superpacket()
    {
        byte[][] packets = Train(Udp, 100, 100, 100, 60);
        byte[] message = Assert.Single(ReceivedBatch.Messages(packets));
        Assert.Equal(10 + 28 + 360, message.Length);
        PacketLists.AssertSame(packets, NaiveDevice.Take(message));
    }

    [Fact]
    public void A_packet_alone_keeps_its_bytes_behind_a_virtio_header_of_zeros()
    {
        byte[] packet = Tcp.Build();
        byte[] message = Assert.Single(ReceivedBatch.Messages([packet]));
        Assert.Equal([.. new byte[10], .. packet], message);
    }

    [Fact]
    public void A_longer_segment_does_not_join_and_a_shorter_one_is_the_last()
    {
        Assert.Equal([1, 2], Sizes(Train(Tcp, 50, 100, 100)));
        Assert.Equal([2, 1], Sizes(Train(Tcp, 100, 50, 50)[..3]));
        Assert.Equal([2, 2], Sizes(Train(Udp, 100, 50, 100, 100)));
    }

    [Fact]
    public void Push_and_fin_close_the_group_and_are_on_the_superpacket()
    {
        foreach (byte flag in (byte[])[TestPacket.Psh, TestPacket.Fin])
        {
            byte[][] packets = Train(Tcp, 100, 100, 100, 100);
            packets[1] = Flagged(packets[1], flag);
            List<byte[]> messages = ReceivedBatch.Messages(packets);
            Assert.Equal(2, messages.Count);
            Assert.Equal(TestPacket.Ack | flag, messages[0][10 + 33]);
            Assert.Equal(TestPacket.Ack, messages[1][10 + 33]);
            PacketLists.AssertSame(packets, [.. messages.SelectMany(NaiveDevice.Take)]);
        }

        byte[][] first = Train(Tcp, 100, 100);
        first[0] = Flagged(first[0], TestPacket.Psh);
        Assert.Equal([1, 1], Sizes(first));
    }

    [Fact]
    public void A_corrupt_first_packet_stays_alone_and_the_next_two_are_merged()
    {
        byte[][] packets = Train(Tcp, 100, 100, 100);
        packets[0] = Flipped(packets[0], 70);
        List<byte[]> messages = ReceivedBatch.Messages(packets);
        Assert.Equal(2, messages.Count);
        Assert.Equal([.. new byte[10], .. packets[0]], messages[0]);
        PacketLists.AssertSame(packets[1..], NaiveDevice.Take(messages[1]));
    }

    [Fact]
    public void Parallel_streams_are_merged_each_for_itself()
    {
        byte[][][] streams = [.. Enumerable.Range(0, 8).Select(i => Train(FromPort(i), 100, 100, 100, 100))];
        byte[][] packets = [.. Enumerable.Range(0, 4).SelectMany(i => streams.Select(stream => stream[i]))];
        List<byte[]> messages = ReceivedBatch.Messages(packets);
        Assert.Equal(8, messages.Count);
        PacketLists.AssertSame([.. streams.SelectMany(stream => stream)], [.. messages.SelectMany(NaiveDevice.Take)]);
    }

    [Fact]
    public void More_flows_than_may_be_open_close_the_oldest()
    {
        byte[][][] streams = [.. Enumerable.Range(0, 9).Select(i => Train(FromPort(i), 100, 100))];
        byte[][] firsts = [.. streams.Select(stream => stream[0])];
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], Sizes([.. firsts, streams[0][1]]));
        Assert.Equal([1, 2, 1, 1, 1, 1, 1, 1, 1], Sizes([.. firsts, streams[1][1]]));
    }

    [Fact]
    public void A_pure_acknowledgment_between_segments_is_not_overtaken()
    {
        byte[][] packets = Train(Tcp, 100, 100, 100, 100);
        byte[] ack = (Tcp with { Payload = [], Sequence = 1200 }).Build();
        byte[][] mixed = [packets[0], packets[1], ack, packets[2], packets[3]];
        List<byte[]> messages = ReceivedBatch.Messages(mixed);
        Assert.Equal(3, messages.Count);
        PacketLists.AssertSame(mixed, [.. messages.SelectMany(NaiveDevice.Take)]);
    }

    [Fact]
    public void Other_protocols_and_other_flows_do_not_part_a_stream()
    {
        byte[][] packets = Train(Tcp, 100, 100);
        byte[] ping = Udp.Build();
        ping[9] = 1;
        Assert.Equal([2, 1, 1], Sizes([packets[0], ping, Udp.Build(), packets[1]]));
    }

    [Fact]
    public void A_superpacket_has_at_most_65535_bytes()
    {
        byte[][] packets = Train(Tcp, [.. Enumerable.Repeat(1260, 60)]);
        Assert.Equal([51, 9], Sizes(packets));

        // 20 + 20 + 5 × 13,099 = 65,535
        Assert.Equal([5, 1], Sizes(Train(Tcp, [.. Enumerable.Repeat(13_099, 6)])));
    }

    [Fact]
    public void Groups_have_at_most_1024_tcp_or_64_udp_packets()
    {
        Assert.Equal([1024, 476], Sizes(Train(Tcp, [.. Enumerable.Repeat(1, 1500)])));
        Assert.Equal([64, 6], Sizes(Train(Udp, [.. Enumerable.Repeat(1, 70)])));
    }

    [Fact]
    public void Merging_is_switched_off_by_protocol()
    {
        byte[][] packets = [.. Train(Tcp, 100, 100), .. Train(Udp, 100, 100)];
        Assert.Equal([2, 2], ReceivedBatch.Messages(packets).Select(message => NaiveDevice.Take(message).Count));
        Assert.Equal(
            [1, 1, 2],
            ReceivedBatch.Messages(packets, mergeTcp: false).Select(m => NaiveDevice.Take(m).Count)
        );
        Assert.Equal(
            [2, 1, 1],
            ReceivedBatch.Messages(packets, mergeUdp: false).Select(m => NaiveDevice.Take(m).Count)
        );
    }

    [Fact]
    public void Switching_off_in_the_middle_of_a_batch_keeps_the_order()
    {
        byte[][] packets = Train(Tcp, 100, 100, 100);
        using var memory = new GuardedMemory(1000);
        using var coalescer = new Coalescer();
        for (int i = 0; i < 3; i++)
        {
            coalescer.MergeTcp = i != 1;
            packets[i].CopyTo(new Span<byte>(memory.Start + (i * 200) + 16, 200));
            Assert.True(coalescer.Add(memory.Start + (i * 200) + 16, packets[i].Length));
        }

        Assert.Equal(3, coalescer.Finish().Length);
    }

    [Fact]
    public void A_full_coalescer_refuses_until_it_is_cleared()
    {
        byte[] packet = [.. new byte[10], .. Udp.Build()];
        using var coalescer = new Coalescer(3);
        fixed (byte* start = packet)
        {
            for (int round = 0; round < 2; round++)
            {
                Assert.True(coalescer.IsEmpty);
                for (int i = 0; i < 3; i++)
                {
                    Assert.False(coalescer.IsFull);
                    Assert.True(coalescer.Add(start + 10, packet.Length - 10));
                }

                Assert.True(coalescer.IsFull);
                Assert.False(coalescer.Add(start + 10, packet.Length - 10));
                Assert.Equal(3, coalescer.PacketCount);
                coalescer.Clear();
            }

            Assert.True(coalescer.Add(start + 10, packet.Length - 10));
            Assert.Equal(1, coalescer.Finish().Length);
            Assert.False(coalescer.Add(start + 10, packet.Length - 10));
        }
    }

    [Fact]
    public void After_clearing_nothing_joins_what_was_there()
    {
        byte[][] packets = Train(Tcp, 100, 100);
        using var first = new ReceivedBatch(packets[..1]);
        using var second = new ReceivedBatch(packets[1..]);
        using var coalescer = new Coalescer();
        Assert.Single(first.Coalesce(coalescer));
        coalescer.Clear();
        Group group = Assert.Single(second.Coalesce(coalescer));
        Assert.False(group.IsMerged);
    }

    [Fact]
    public void A_batch_whose_packets_were_right_does_not_vouch_for_the_next()
    {
        byte[][] packets = Train(Tcp, 100, 100);
        byte[][] corrupt = [Flipped([.. packets[0]], 70), packets[1]];
        using var first = new ReceivedBatch(packets);
        using var second = new ReceivedBatch(corrupt);
        using var coalescer = new Coalescer();
        Assert.True(Assert.Single(first.Coalesce(coalescer)).IsMerged);
        coalescer.Clear();
        Assert.Equal([1, 1], second.Coalesce(coalescer).Select(group => group.SliceCount));
    }

    [Fact]
    public void Finishing_twice_gives_the_same_groups()
    {
        using var batch = new ReceivedBatch(Train(Tcp, 100, 100, 60));
        using var coalescer = new Coalescer();
        Group group = Assert.Single(batch.Coalesce(coalescer));
        byte[] message = ReceivedBatch.Message(coalescer, group);
        Assert.Equal([group], coalescer.Finish().ToArray());
        Assert.Equal(message, ReceivedBatch.Message(coalescer, group));
    }

    /// <summary>Packets that follow each other in one stream, with payloads of these lengths.</summary>
    internal static byte[][] Train(TestPacket first, params int[] payloads)
    {
        var random = new Random(payloads.Length);
        var packets = new byte[payloads.Length][];
        TestPacket packet = first;
        for (int i = 0; i < payloads.Length; i++)
        {
            packet = packet with { Payload = random.Bytes(payloads[i]) };
            packets[i] = packet.Build();
            packet = packet with { Id = (ushort)(packet.Id + 1), Sequence = packet.Sequence + (uint)payloads[i] };
        }

        return packets;
    }

    /// <summary>How many packets each message holds.</summary>
    internal static int[] Sizes(byte[][] packets)
    {
        List<byte[]> messages = ReceivedBatch.Messages(packets);
        return [.. messages.Select(message => NaiveDevice.IsMerged(message) ? NaiveDevice.Take(message).Count : 1)];
    }

    private static TestPacket FromPort(int port) => Tcp with { SourcePort = (ushort)(port + 1) };

    private static byte[] Flagged(byte[] packet, byte flag)
    {
        packet[33] ^= flag;
        TestPacket.FixChecksums(packet);
        return packet;
    }

    private static byte[] Flipped(byte[] packet, int at)
    {
        packet[at] ^= 0x10;
        return packet;
    }
}
