// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// What arrives when a batch is sent, both ways: run by run as the kernel cuts it, and datagram by datagram.
/// </summary>
internal static unsafe class SentDatagrams
{
    public static List<byte[]> Of(SendBatch batch)
    {
        List<byte[]> bySegmentation = [];
        List<byte[]> bySlices = [];
        int nextSlice = 0;
        foreach (Run run in batch.Runs)
        {
            Assert.Equal(nextSlice, run.FirstSlice);
            Assert.InRange(run.Datagrams, 1, 63);
            Assert.InRange(run.TotalBytes, 0, 65_507);
            Assert.InRange(run.LastDatagramSize, run.IsSegmented ? 1 : 0, run.DatagramSize);
            Assert.Equal(run.Datagrams > 1, run.IsSegmented);
            nextSlice += run.SliceCount;

            byte[] all = Join(batch, run.FirstSlice, run.SliceCount);
            Assert.Equal(run.TotalBytes, all.Length);
            if (run.IsSegmented)
            {
                Assert.True(run.DatagramSize < run.TotalBytes);
                bySegmentation.AddRange(all.Chunk(run.DatagramSize));
            }
            else
            {
                bySegmentation.Add(all);
            }

            for (int i = 0; i < run.SliceCount; i += run.SlicesPerDatagram)
            {
                bySlices.Add(Join(batch, run.FirstSlice + i, run.SlicesPerDatagram));
            }
        }

        Assert.Equal(batch.SliceCount, nextSlice);
        Assert.Equal(batch.DatagramCount, bySlices.Count);
        PacketLists.AssertSame(bySlices, bySegmentation);
        return bySlices;
    }

    private static byte[] Join(SendBatch batch, int first, int count)
    {
        List<byte> bytes = [];
        for (int i = first; i < first + count; i++)
        {
            bytes.AddRange(batch.Slices[i].Span);
        }

        return [.. bytes];
    }
}
