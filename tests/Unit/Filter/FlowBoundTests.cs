// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Memory;

namespace UdpTunnel.Tests.Filter;

public sealed class FlowBoundTests : IDisposable
{
    private const int Bound = PortFilter.DefaultMaxFlows;

    private readonly PortFilter _filter = new(PortFilterCalls.Ports(22));

    [Fact]
    public void All_flows_up_to_the_bound_pass_and_each_further_one_displaces_one()
    {
        Assert.Equal(65_536, Bound);
        for (int number = 0; number < Bound; number++)
        {
            Assert.Equal(DropReason.None, _filter.Out(Request(number), now: 1000));
        }

        Assert.Equal(Bound, _filter.FlowCount(1000));
        Assert.Equal(0, _filter.TakeDisplaced(Direction.Out));
        for (int number = Bound; number < Bound + 1000; number++)
        {
            Assert.Equal(DropReason.None, _filter.Out(Request(number), now: 1100));
            Assert.Equal(DropReason.None, _filter.In(Request(number).Reply, now: 1100));
        }

        Assert.Equal(1000, _filter.TakeDisplaced(Direction.Out));
        Assert.Equal(0, _filter.TakeDisplaced(Direction.Out));
        Assert.Equal(Bound, _filter.Flows(1239).Select(flow => flow.Flow).Distinct().Count());
        Assert.Equal(
            Bound - 1000,
            Enumerable.Range(0, Bound).Count(n => _filter.In(Request(n).Reply, 1239) == DropReason.None)
        );
    }

    /// <remarks>What a stranger does who has seen one datagram of the classic protocol.</remarks>
    [Fact]
    public void Twenty_sources_with_4000_flows_each_keep_nobody_out_and_cost_nobody_a_flow()
    {
        var earlier = new FilterPacket { Source = 0x0A630002, SourcePort = 50_000 };
        Assert.Equal(DropReason.None, _filter.In(earlier));
        for (int flow = 0; flow < 80_000; flow++)
        {
            var flood = new FilterPacket
            {
                Source = 0x0A010100u + (uint)(flow / 4000),
                SourcePort = (ushort)(1024 + (flow % 4000)),
            };
            Assert.Equal(DropReason.None, _filter.In(flood));
        }

        for (int number = 0; number < 500; number++)
        {
            var request = new FilterPacket { Source = 0x0A630002, SourcePort = (ushort)(50_001 + number) };
            Assert.Equal(DropReason.None, _filter.In(request));
            Assert.Equal(
                DropReason.None,
                _filter.In(new FilterPacket { Source = 0x0A010113, SourcePort = (ushort)(10_000 + number) })
            );
            Assert.Equal(DropReason.None, _filter.Out(request.Reply));
        }

        Assert.Equal(DropReason.None, _filter.Out(earlier.Reply));
    }

    [Fact]
    public void After_240_seconds_of_silence_there_is_room_again()
    {
        for (int round = 0; round < 3; round++)
        {
            uint now = (uint)(1000 + (300 * round));
            for (int number = 0; number < Bound; number++)
            {
                Assert.Equal(DropReason.None, _filter.Out(Request((round * Bound) + number), now));
            }

            Assert.Equal(0, _filter.TakeDisplaced(Direction.Out));
            Assert.Equal(Bound, _filter.FlowCount(now + 239));
            Assert.Equal(0, _filter.FlowCount(now + 240));
        }
    }

    [Fact]
    public void Room_comes_back_flow_by_flow_as_they_grow_old()
    {
        for (int number = 0; number < Bound; number++)
        {
            Assert.Equal(DropReason.None, _filter.In(Request(number), now: (uint)(number / 1024)));
        }

        for (uint second = 0; second < 64; second++)
        {
            for (int number = 0; number < 1024; number++)
            {
                int another = Bound + ((int)second * 1024) + number;
                Assert.Equal(DropReason.None, _filter.In(Request(another), now: 240 + second));
            }

            Assert.Equal(0, _filter.TakeDisplaced(Direction.In));
        }
    }

    [Fact]
    public void Nothing_is_allocated_on_the_packet_path()
    {
        byte[][] packets =
        [
            .. Enumerable.Range(0, 4096).Select(number => Request(number).Build()),
            .. Enumerable.Range(0, 4096).Select(number => Request(number).Reply.Build()),
            new FilterPacket { Protocol = FilterPacket.Udp, MoreFragments = true }.Build(),
            new FilterPacket { Protocol = FilterPacket.Udp, FragmentOffset = 16 }.Build(),
            new FilterPacket { Protocol = FilterPacket.Icmp }.Build(),
            new FilterPacket { Protocol = 47 }.Build(),
            [0x60],
        ];
        using var filter = new PortFilter(PortFilterCalls.Ports(22), maxFlows: 3000);
        uint now = 0;
        Allocated.AssertNothing(
            () =>
            {
                foreach (var packet in packets)
                {
                    filter.Check(Direction.Out, packet, now);
                    filter.Check(Direction.In, packet, now);
                }

                now += 97;
            },
            warmUps: 5,
            calls: 20
        );
    }

    public void Dispose() => _filter.Dispose();

    private static FilterPacket Request(int number) =>
        new() { Source = 0x0A000000u + (uint)(number & 0x0F_FFFF), SourcePort = (ushort)(30_000 + (number & 7)) };
}
