using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>One thread writes and one reads, as in a tunnel, only faster: each second of their clock lasts
/// microseconds.</summary>
public sealed class FlowTableConcurrencyTests
{
    [Fact]
    public async Task A_flow_that_was_never_remembered_is_never_confirmed()
    {
        // One bucket and a clock that kills all flows at each step: the writer replaces the same place again and again,
        // flow n by flow n + 1. The reader asks for what is there, and for the addresses of one with the ports of its
        // successor or the reverse, which only a torn read could show it.
        const int Steps = 3_000_000;
        const int Flows = 16;
        using var table = new FlowTable(64, buckets: 1);
        FlowKey[] flows = [.. Enumerable.Range(0, Flows).Select(number => Key(number, number))];
        FlowKey[] oldPorts = [.. Enumerable.Range(0, Flows).Select(number => Key((number + 1) % Flows, number))];
        FlowKey[] newPorts = [.. Enumerable.Range(0, Flows).Select(number => Key(number, (number + 1) % Flows))];
        uint clock = 0;
        bool done = false;
        long confirmed = 0;
        using var started = new ManualResetEventSlim();

        // A thread of its own: other tests may keep those of the pool waiting for longer than the writer takes.
        Task reader = Task.Factory.StartNew(
            () =>
            {
                started.Set();
                while (!Volatile.Read(ref done))
                {
                    uint now = Volatile.Read(ref clock);
                    uint number = now / FlowTable.Lifetime % Flows;
                    Assert.False(table.Contains(newPorts[number], now), "old addresses with new ports");
                    Assert.False(table.Contains(oldPorts[number], now), "new addresses with old ports");
                    Volatile.Write(ref confirmed, confirmed + (table.Contains(flows[number], now) ? 1 : 0));
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        started.Wait(TestContext.Current.CancellationToken);
        for (int step = 0; step < Steps && !reader.IsCompleted; step++)
        {
            uint now = (uint)step * FlowTable.Lifetime;
            Volatile.Write(ref clock, now);
            if (table.Remember(flows[step % Flows], now) != DropReason.None)
            {
                Assert.Fail($"refused at step {step}");
            }
        }

        Volatile.Write(ref done, true);
        await reader;
        Assert.True(confirmed > 0, "the reader saw no flow at all");
    }

    [Fact]
    public async Task A_flow_that_was_remembered_before_is_always_found()
    {
        // The writer refreshes and adds; each flow that it has announced must be there, while refreshes change its
        // entry.
        const int Flows = 20_000;
        using var table = new FlowTable(Flows);
        int announced = 0;
        uint clock = 0;
        Task reader = Task.Run(() =>
        {
            var random = new Random(1);
            int last;
            do
            {
                last = Volatile.Read(ref announced);
                if (last > 0)
                {
                    int number = random.Next(last);
                    bool found = table.Contains(Key(number, number), Volatile.Read(ref clock));
                    Assert.True(found, $"flow {number} was lost");
                }
            }
            while (last < Flows);
        }, TestContext.Current.CancellationToken);
        for (int number = 0; number < Flows && !reader.IsCompleted; number++)
        {
            // Within 200 seconds, so that none dies; each refreshed a few times.
            uint now = (uint)(number / 100);
            Volatile.Write(ref clock, now);
            Assert.Equal(DropReason.None, table.Remember(Key(number, number), now));
            Volatile.Write(ref announced, number + 1);
            for (int back = 0; back < 50; back++)
            {
                int earlier = number * (back + 1) / 51;
                Assert.Equal(DropReason.None, table.Remember(Key(earlier, earlier), now));
            }
        }

        await reader;
        Assert.Equal(Flows, table.Count(Flows / 100));
    }

    [Fact]
    public async Task Both_directions_statistics_and_changes_of_ports_at_once_keep_every_answer_passing()
    {
        const int Exchanges = 100_000;
        using var filter = new PortFilter(PortFilterCalls.Ports(22));
        PortSet[] portSets = [PortFilterCalls.Ports(22, 80), PortFilterCalls.Ports(22), PortFilterCalls.Ports(22, 90)];
        int sent = 0;
        bool done = false;
        Task answering = Task.Run(() =>
        {
            for (int number = 0; number < Exchanges; number++)
            {
                while (Volatile.Read(ref sent) <= number)
                {
                    Thread.Yield();
                }

                Assert.Equal(DropReason.None, filter.In(Request(number).Reply, now: (uint)(number / 1000)));
            }
        }, TestContext.Current.CancellationToken);
        Task watching = Task.Run(() =>
        {
            for (int round = 0; !Volatile.Read(ref done); round++)
            {
                filter.Ports = portSets[round % portSets.Length];
                Assert.InRange(filter.FlowCount(0), 0, 2 * PortFilter.DefaultMaxFlows);
                Assert.All(filter.Flows(0), flow => Assert.Equal(22, flow.Flow.DestinationPort));
            }
        }, TestContext.Current.CancellationToken);
        for (int number = 0; number < Exchanges && !answering.IsCompleted; number++)
        {
            Assert.Equal(DropReason.None, filter.Out(Request(number), now: (uint)(number / 1000)));
            Volatile.Write(ref sent, number + 1);
        }

        await answering;
        Volatile.Write(ref done, true);
        await watching;
        Assert.Equal(1000, filter.Generation);
    }

    private static FilterPacket Request(int number) => new() { SourcePort = (ushort)(40_000 + (number % 1000)) };

    private static FlowKey Key(int addresses, int ports) => new(new Flow(
        6,
        0x0A000000u + (uint)addresses,
        0x0A800000u + (uint)addresses,
        (ushort)(1024 + ports),
        (ushort)(1024 + ports)));
}
