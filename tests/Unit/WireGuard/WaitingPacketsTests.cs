// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>Packets that wait, against a list of byte arrays for each peer.</summary>
public sealed unsafe class WaitingPacketsTests
{
    [Fact]
    public void It_gives_back_what_it_took_in_order_within_its_bounds()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        using var waiting = new WaitingPackets();
        var all = waiting.Free;
        var queues = new WaitingPackets.Queue[12];
        Queue<byte[]>[] model = [.. queues.Select(_ => new Queue<byte[]>())];
        var packet = new byte[70_000];
        for (var step = 0; step < 50_000; step++)
        {
            var peer = random.Next(queues.Length);
            switch (random.Next(8))
            {
                case 0:
                    Assert.Equal(model[peer].Count, waiting.Clear(ref queues[peer]));
                    model[peer].Clear();
                    break;
                case < 3 when model[peer].Count > 0:
                    int length;
                    fixed (byte* start = packet)
                    {
                        length = waiting.Take(ref queues[peer], start);
                    }

                    Assert.True(
                        packet.AsSpan(0, length).SequenceEqual(model[peer].Dequeue()),
                        $"seed {seed}, step {step}"
                    );
                    break;
                default:
                    var added = new byte[random.Next(20) == 0 ? random.Next(65_536) : random.Next(3_000)];
                    random.NextBytes(added);
                    var (free, before) = (waiting.Free, queues[peer].Packets);
                    bool waits;
                    int dropped;
                    fixed (byte* start = added)
                    {
                        waits = waiting.Add(ref queues[peer], start, added.Length, out dropped);
                    }

                    for (var i = 0; i < dropped; i++)
                    {
                        model[peer].Dequeue();
                    }

                    if (waits)
                    {
                        model[peer].Enqueue(added);
                    }
                    else
                    {
                        // There was no room although the peer gave up all that it had.
                        Assert.Equal(before, dropped);
                        Assert.True(waiting.Free < (added.Length / 2048) + 1);
                    }

                    break;
            }

            Assert.Equal(model[peer].Count, queues[peer].Packets);
            Assert.InRange(queues[peer].Packets, 0, WaitingPackets.MaxPackets);
            Assert.InRange(queues[peer].Chunks, 0, all / 4);
            Assert.Equal(all, waiting.Free + queues.Sum(queue => queue.Chunks));
        }
    }

    [Fact]
    public void A_packet_that_is_longer_than_a_share_is_refused()
    {
        using var waiting = new WaitingPackets();
        var queue = default(WaitingPackets.Queue);
        var packet = new byte[1 << 20];
        fixed (byte* start = packet)
        {
            Assert.False(waiting.Add(ref queue, start, packet.Length, out var dropped));
            Assert.Equal(0, dropped);
        }
    }
}
