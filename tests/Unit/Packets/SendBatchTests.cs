// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class SendBatchTests
{
    [Fact]
    public void Datagrams_of_one_size_form_one_run()
    {
        Assert.Equal(["3×100"], Shapes(100, 100, 100));
    }

    [Fact]
    public void A_shorter_datagram_closes_its_run()
    {
        Assert.Equal(["3×100(40)", "1×40", "2×100(99)"], Shapes(100, 100, 40, 40, 100, 99)[..3]);
    }

    [Fact]
    public void A_longer_datagram_starts_a_run()
    {
        Assert.Equal(["1×60", "2×100"], Shapes(60, 100, 100));
    }

    [Fact]
    public void A_single_datagram_is_not_segmented()
    {
        using var batch = new SendBatch(16);
        byte datagram = 0;
        Assert.True(batch.AddDatagram(&datagram, 1, 1));
        Run run = Assert.Single(batch.Runs.ToArray());
        Assert.False(run.IsSegmented);
        Assert.Equal(1, run.SliceCount);
    }

    [Fact]
    public void An_empty_datagram_shares_no_run()
    {
        Assert.Equal(["2×100", "1×0", "1×0", "2×50"], Shapes(100, 100, 0, 0, 50, 50));
    }

    [Fact]
    public void A_batch_of_datagrams_is_full_at_its_capacity()
    {
        using var batch = SendBatch.OfDatagrams(3);
        byte datagram = 0;
        for (int i = 0; i < 3; i++)
        {
            Assert.True(batch.HasRoomFor(1));
            Assert.True(batch.AddDatagram(&datagram, 1, 1));
        }

        Assert.False(batch.HasRoomFor(1));
        Assert.False(batch.AddDatagram(&datagram, 1, 1));
        Assert.Equal(3, batch.DatagramCount);
    }

    [Fact]
    public void A_run_has_at_most_63_datagrams()
    {
        Assert.Equal(["63×16", "63×16", "4×16"], Shapes([.. Enumerable.Repeat(16, 130)]));
    }

    [Fact]
    public void A_run_has_at_most_65507_bytes()
    {
        // 49 × 1316 = 64,484; the 50th would make 65,800.
        Assert.Equal(["49×1316", "1×1316"], Shapes([.. Enumerable.Repeat(1316, 50)]));
        Assert.Equal(["1×65507", "1×65507"], Shapes(65_507, 65_507));
        Assert.Equal(["2×32753", "1×32753"], Shapes(32_753, 32_753, 32_753));
        Assert.Equal(["2×32754(32753)"], Shapes(32_754, 32_753));
        Assert.Equal(["1×32754", "1×32754"], Shapes(32_754, 32_754));
    }

    [Fact]
    public void Contiguous_datagrams_and_pairs_do_not_share_a_run()
    {
        using var batch = new SendBatch(16);
        byte[] bytes = new byte[200];
        fixed (byte* start = bytes)
        {
            Assert.True(batch.AddDatagram(start, 100, 100));
            batch.CommitPair(60, start, 40);
            batch.CommitPair(60, start, 40);
            Assert.True(batch.AddDatagram(start, 100, 100));
            Assert.Equal(["1×100", "2×100", "1×100"], batch.Runs.ToArray().Select(Shape));
            Assert.Equal([1, 2, 1], batch.Runs.ToArray().Select(run => run.SlicesPerDatagram));
            Assert.Equal([0, 1, 5], batch.Runs.ToArray().Select(run => run.FirstSlice));
            Assert.Equal(6, batch.SliceCount);
        }
    }

    [Fact]
    public void A_full_batch_refuses_and_keeps_what_it_has()
    {
        using var batch = new SendBatch(16);
        byte[] bytes = new byte[100];
        fixed (byte* start = bytes)
        {
            for (int i = 0; i < SendBatch.MaxDatagrams; i++)
            {
                Assert.True(batch.HasRoomFor(1));

                // Growing sizes never join: as many runs as datagrams.
                Assert.True(batch.AddDatagram(start, 1 + (i % 100), 1 + (i % 100)));
            }

            Assert.False(batch.HasRoomFor(1));
            Assert.True(batch.HasRoomFor(0));
            Assert.False(batch.AddDatagram(start, 1, 1));
            Assert.Equal(SendBatch.MaxDatagrams, SentDatagrams.Of(batch).Count);

            batch.Clear();
            Assert.True(batch.IsEmpty);
            Assert.Empty(batch.Runs.ToArray());
            Assert.True(batch.HasRoomFor(SendBatch.MaxDatagrams));
            Assert.False(batch.HasRoomFor(SendBatch.MaxDatagrams + 1));
        }
    }

    [Fact]
    public void After_clearing_nothing_joins_what_was_there()
    {
        using var batch = new SendBatch(16);
        byte[] bytes = new byte[100];
        fixed (byte* start = bytes)
        {
            Assert.True(batch.AddDatagram(start, 100, 100));
            batch.Clear();
            Assert.True(batch.AddDatagram(start, 100, 100));
        }

        Assert.Equal(["1×100"], batch.Runs.ToArray().Select(Shape));
    }

    [Fact]
    public void What_is_sent_is_what_was_added_in_the_same_order() => Randomised.Check(300, random =>
        {
            using var batch = new SendBatch(16);
            List<byte[]> added = [];
            using var memory = new GuardedMemory(200_000);
            int used = 0;
            int size = 1 + random.Next(2000);
            while (used + 2000 < memory.Length && added.Count < 300)
            {
                size = random.Chance(15) ? 1 + random.Next(2000) : size;
                byte[] datagram = random.Bytes(size);
                datagram.CopyTo(new Span<byte>(memory.Start + used, size));
                Assert.True(batch.AddDatagram(memory.Start + used, size, size));
                added.Add(datagram);
                used += size;
            }

            PacketLists.AssertSame(added, SentDatagrams.Of(batch));
        });

    private static string[] Shapes(params int[] lengths)
    {
        using var batch = new SendBatch(16);
        using var memory = new GuardedMemory(65_507);
        foreach (int length in lengths)
        {
            Assert.True(batch.AddDatagram(memory.Start, length, length));
        }

        Assert.Equal(lengths, SentDatagrams.Of(batch).Select(datagram => datagram.Length));
        return [.. batch.Runs.ToArray().Select(Shape)];
    }

    private static string Shape(Run run) =>
        $"{run.Datagrams}×{run.DatagramSize}"
        + (run.LastDatagramSize == run.DatagramSize ? "" : $"({run.LastDatagramSize})");
}
