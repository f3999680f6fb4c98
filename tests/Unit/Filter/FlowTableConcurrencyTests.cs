// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// One thread checks packets while others take statistics and change ports, as in a tunnel, only faster.
/// </summary>
public sealed class FlowTableConcurrencyTests
{
    [Fact]
    public async Task A_flow_that_was_never_remembered_is_never_listed()
    {
        // One node, so that each flow takes the place of the one before while it is read. Addresses and ports belong
        // together.
        const int Steps = 1_000_000;
        using var table = new FlowTable(1);
        bool done = false;
        long listed = 0;
        using var started = new ManualResetEventSlim();

        // A thread of its own: other tests may keep those of the pool waiting for longer than the writer takes.
        Task reader = Task.Factory.StartNew(
            () =>
            {
                var flows = new List<RememberedFlow>();
                started.Set();
                while (!Volatile.Read(ref done))
                {
                    flows.Clear();
                    table.AddTo(flows, Direction.Out, 1000);
                    Assert.All(flows, flow =>
                        Assert.Equal(
                            FlowOf(
                                (int)((uint)flow.Flow.SourceAddress - 0x0A000000),
                                (int)((uint)flow.Flow.SourceAddress - 0x0A000000)
                            ),
                            flow.Flow
                        )
                    );
                    listed += flows.Count;
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
        started.Wait(TestContext.Current.CancellationToken);
        for (int step = 0; step < Steps && !reader.IsCompleted; step++)
        {
            table.Remember(new FlowKey(FlowOf(step % 16, step % 16)), 1000);
        }

        Volatile.Write(ref done, true);
        await reader;
        Assert.True(listed > 0, "the reader saw no flow at all");
    }

    [Fact]
    public async Task Statistics_and_changes_of_ports_at_once_keep_every_answer_passing()
    {
        const int Exchanges = 100_000;
        using var filter = new PortFilter(PortFilterCalls.Ports(22));
        PortSet[] portSets = [PortFilterCalls.Ports(22, 80), PortFilterCalls.Ports(22), PortFilterCalls.Ports(22, 90)];
        bool done = false;
        Task watching = Task.Run(
            () =>
            {
                for (int round = 0; !Volatile.Read(ref done); round++)
                {
                    filter.Ports = portSets[round % portSets.Length];
                    Assert.InRange(filter.FlowCount(0), 0, 2 * PortFilter.DefaultMaxFlows);
                    Assert.All(filter.Flows(0), flow => Assert.Equal(22, flow.Flow.DestinationPort));
                }
            },
            TestContext.Current.CancellationToken
        );
        for (int number = 0; number < Exchanges && !watching.IsCompleted; number++)
        {
            Assert.Equal(DropReason.None, filter.Out(Request(number), now: (uint)(number / 1000)));
            Assert.Equal(DropReason.None, filter.In(Request(number).Reply, now: (uint)(number / 1000)));
        }

        Volatile.Write(ref done, true);
        await watching;
        Assert.Equal(1000, filter.Generation);
    }

    private static FilterPacket Request(int number) => new() { SourcePort = (ushort)(40_000 + (number % 1000)) };

    private static Flow FlowOf(int addresses, int ports) =>
        new(
            6,
            0x0A000000u + (uint)addresses,
            0x0A800000u + (uint)addresses,
            (ushort)(1024 + ports),
            (ushort)(1024 + ports)
        );
}
