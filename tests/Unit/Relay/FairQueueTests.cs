// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Link;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class FairQueueTests
{
    private readonly byte[] _output = new byte[100_000];

    [Fact]
    public void Frames_of_a_flow_leave_whole_and_in_their_order() => Randomised.Check(50, random =>
        {
            var queue = new FairQueue();
            var flows = Enumerable.Range(0, 5).Select(_ => new CountedFlow()).ToArray();
            var model = flows.ToDictionary(f => (QueuedFlow)f, _ => new Queue<byte[]>());
            for (var i = 0; i < 2000; i++)
            {
                if (random.Chance(55))
                {
                    var flow = random.OneOf<CountedFlow>(flows);
                    var frame = random.Bytes(random.Chance(5) ? random.Next(1, 65_000) : random.Next(1, 1500));
                    if (
                        model.Values.Sum(q => q.Sum(f => (f.Length / FairQueue.BlockSize) + 1))
                        < FairQueue.Blocks - 300
                    )
                    {
                        queue.Add(flow, frame, frame.Length, 0);
                        model[flow].Enqueue(frame);
                    }
                }
                else
                {
                    var length = queue.Take(_output, 0, out var flow, out var datagram);
                    Assert.Equal(model.Values.All(q => q.Count == 0), length == 0);
                    if (length > 0)
                    {
                        Assert.Equal(model[flow!].Dequeue(), _output[..length]);
                        Assert.Equal(length, datagram);
                    }
                }

                Assert.Equal(model.Values.All(q => q.Count == 0), queue.IsEmpty);
            }

            Assert.Equal(0, queue.TakeDropped());
        });

    [Fact]
    public void A_flow_that_had_nothing_waiting_goes_before_one_that_fills_the_connection()
    {
        var queue = new FairQueue();
        var (bulk, sparse) = (new CountedFlow(), new CountedFlow());
        for (var i = 0; i < 500; i++)
        {
            queue.Add(bulk, new byte[1200], 1200, 0);
        }

        for (var i = 0; i < 20; i++)
        {
            Assert.Same(bulk, Take(queue, 0));
        }

        queue.Add(sparse, new byte[100], 100, 0);
        Assert.Same(sparse, Take(queue, 0));
        Assert.Same(bulk, Take(queue, 0));
    }

    [Fact]
    public void Flows_that_all_have_frames_waiting_share_the_bytes_and_not_the_frames()
    {
        var queue = new FairQueue();
        var (large, small) = (new CountedFlow(), new CountedFlow());
        for (var i = 0; i < 1000; i++)
        {
            queue.Add(large, new byte[1500], 1500, 0);
            queue.Add(small, new byte[150], 150, 0);
        }

        var bytes = new Dictionary<QueuedFlow, int> { [large] = 0, [small] = 0 };
        while (bytes.Values.Sum() < 200_000)
        {
            var length = queue.Take(_output, 0, out var flow, out _);
            bytes[flow!] += length;
        }

        Assert.InRange(bytes[small], 90_000, 110_000);
    }

    [Fact]
    public void A_burst_passes_and_a_standing_queue_is_bounded_by_age()
    {
        var queue = new FairQueue();
        var flow = new CountedFlow();
        for (var i = 0; i < 100; i++)
        {
            queue.Add(flow, new byte[1200], 1200, 0);
        }

        // A burst, however slowly it goes.
        Assert.Same(flow, Take(queue, FairQueue.Burst - 1));
        Assert.Equal(0, queue.TakeDropped());

        queue.Add(flow, [1], 1, FairQueue.Burst);
        Assert.Equal(1, queue.Take(_output, FairQueue.Burst + 1, out _, out _));
        Assert.Equal(99, queue.TakeDropped());
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void When_it_is_full_the_flow_with_most_gives_way()
    {
        var queue = new FairQueue();
        var (bulk, other) = (new CountedFlow(), new CountedFlow());
        queue.Add(other, [7], 1, 0);
        for (var i = 0; i < 3000; i++)
        {
            queue.Add(bulk, new byte[1200], 1200, 0);
        }

        Assert.True(queue.TakeDropped() > 1000);
        queue.Add(other, [8], 1, 0);
        var seen = new List<byte>();
        while (queue.Take(_output, 0, out var flow, out _) > 0)
        {
            if (flow == other)
            {
                seen.Add(_output[0]);
            }
        }

        Assert.Equal([7, 8], seen);
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void Eighteen_datagrams_of_60000_bytes_fit()
    {
        var queue = new FairQueue();
        var flow = new CountedFlow();
        for (var i = 0; i < 18; i++)
        {
            queue.Add(flow, new byte[60_008], 60_000, 0);
        }

        Assert.Equal(0, queue.TakeDropped());
    }

    [Fact]
    public void Frames_of_a_flow_that_is_over_are_dropped_and_counted()
    {
        var queue = new FairQueue();
        var (over, alive) = (new CountedFlow(), new CountedFlow());
        queue.Add(over, [1], 1, 0);
        queue.Add(over, [2], 1, 0);
        queue.Add(alive, [3], 1, 0);
        over.IsEnded = true;

        Assert.Same(alive, Take(queue, 0));
        Assert.Null(Take(queue, 0));
        Assert.Equal(2, queue.TakeDropped());

        queue.Add(alive, [4], 1, 0);
        queue.Clear();
        Assert.True(queue.IsEmpty);
        Assert.Equal(1, queue.TakeDropped());
    }

    private QueuedFlow? Take(FairQueue queue, long now)
    {
        queue.Take(_output, now, out var flow, out _);
        return flow;
    }
}
