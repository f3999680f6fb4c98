// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class FlowTableTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(FlowTable.LargestBound + 1)]
    public void A_bound_out_of_range_is_refused(int maxFlows) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlowTable(maxFlows));

    [Fact]
    public void A_key_gives_back_its_flow_and_reverses_it() => Randomised.Check(500, random =>
        {
            var flow = new Flow(
                random.OneOf<byte>(6, 17),
                AnyAddress(random),
                AnyAddress(random),
                (ushort)random.Next(65_536),
                (ushort)random.Next(65_536)
            );
            var key = new FlowKey(flow);
            var reversed = new Flow(
                flow.Protocol,
                flow.DestinationAddress,
                flow.SourceAddress,
                flow.DestinationPort,
                flow.SourcePort
            );
            Assert.Equal(flow, key.ToFlow());
            Assert.Equal(reversed, key.Reversed.ToFlow());
            Assert.Equal((flow.SourcePort, flow.DestinationPort), (key.SourcePort, key.DestinationPort));
            Assert.True(key.Is(key.Reversed.Reversed));
            Assert.False(key.Is(new FlowKey(flow, peer: 1)));
            Assert.Equal(7, new FlowKey(flow, peer: 7).Peer);
        });

    [Fact]
    public void Flows_of_both_families_are_listed_with_their_peers()
    {
        var table = new FlowTable(10);
        var v4 = new Flow(6, 0x0A000001u, 0x0A000002u, 40_000, 22);
        var v6 = new Flow(17, new UInt128(0xFD00_0000_0000_0000, 1), new UInt128(0xFD00_0000_0000_0000, 2), 40_000, 53);
        table.Remember(new FlowKey(v4), 1000);
        table.Remember(new FlowKey(v6, peer: 3), 1000);

        var flows = new List<RememberedFlow>();
        table.AddTo(flows, Direction.In, 1000);

        Assert.Equal(
            [
                new RememberedFlow(v4, Direction.In, 0) { State = FlowState.Opening },
                new RememberedFlow(v6, Direction.In, 0) { Peer = 3, State = FlowState.Unanswered },
            ],
            flows.OrderBy(flow => flow.Peer)
        );
        table.Dispose();
    }

    private static UInt128 AnyAddress(Random random) =>
        random.Chance(50)
            ? Flow.Mapped((uint)random.NextInt64(1L << 32))
            : new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64());

    [Fact]
    public void Flows_are_remembered_answered_forgotten_and_displaced_as_in_the_model() =>
        Randomised.Check(300, random =>
        {
            int maxFlows = random.OneOf(1, 2, 5, 24);
            using var table = new FlowTable(maxFlows);
            var model = new NaiveFlowTable(maxFlows, number => table.OwnerOf(Key(number)));
            uint now = random.OneOf(0u, int.MaxValue - 1000u, uint.MaxValue - 1000u);
            for (int step = 0; step < 500; step++)
            {
                now += random.OneOf(0u, 0u, 0u, 0u, 0u, 1u, 30u, 119u, 299u);
                int number = Number(random, greedy: random.Chance(60));
                if (random.Chance(30))
                {
                    Assert.Equal(model.Answer(number, now), table.Answer(Key(number), now));
                }
                else
                {
                    model.Remember(number, now);
                    table.Remember(Key(number), now);
                    Assert.True(table.Answer(Key(number), now) && model.Answer(number, now), "a new flow was refused");
                }

                Assert.Equal(model.Count(now), table.Count(now));
                Assert.Equal(model.Displaced, table.Displaced);
            }

            var flows = new List<RememberedFlow>();
            table.AddTo(flows, Direction.In, now);
            Assert.Equal(
                model
                    .Alive(now)
                    .Select(flow => new RememberedFlow(FlowOf(flow.Number), Direction.In, now - flow.Used)
                    {
                        State = flow.IsAnswered ? FlowState.Answered : FlowState.Unanswered,
                    })
                    .OrderBy(flow => flow.Flow.SourceAddress)
                    .ThenBy(flow => flow.Flow.SourcePort),
                flows.OrderBy(flow => flow.Flow.SourceAddress).ThenBy(flow => flow.Flow.SourcePort)
            );
        });

    [Fact]
    public void A_source_with_few_flows_loses_none_to_those_with_many() => Randomised.Check(20, random =>
        {
            const int Few = 20;
            using var table = new FlowTable(1000);
            int[] mine = [.. Enumerable.Range(0, Few).Select(number => -1 - number)];
            ushort owner = table.OwnerOf(Key(-1));
            int[] others =
            [
                .. Enumerable.Range(1, 40).Where(source => table.OwnerOf(KeyOf(source, 0)) != owner).Take(20),
            ];
            for (int step = 0; step < 20_000; step++)
            {
                // They come before, meanwhile and after.
                table.Remember(KeyOf(random.OneOf(others), step), 1000);
                if (step % 500 == 0 && step / 500 < Few)
                {
                    table.Remember(Key(mine[step / 500]), 1000);
                }
            }

            Assert.All(mine, number => Assert.True(table.Answer(Key(number), 1000)));
            Assert.Equal(1000, table.Count(1000));
        });

    [Fact]
    public void A_flood_that_nobody_answers_costs_its_source_no_flow_that_is_answered()
    {
        using var table = new FlowTable(1000);
        for (int number = 0; number < 500; number++)
        {
            table.Remember(KeyOf(1, number), 1000);
            Assert.True(table.Answer(KeyOf(1, number), 1000));
        }

        for (int number = 500; number < 50_000; number++)
        {
            table.Remember(KeyOf(1, number), 1001);
        }

        Assert.All(Enumerable.Range(0, 500), number => Assert.True(table.Answer(KeyOf(1, number), 1001)));
    }

    [Fact]
    public void A_new_flow_has_time_to_be_answered_where_all_others_of_its_source_have_been()
    {
        using var table = new FlowTable(1000);
        for (int number = 0; number < 3000; number++)
        {
            table.Remember(KeyOf(1, number), 1000);
            if (number >= 100)
            {
                Assert.True(table.Answer(KeyOf(1, number - 100), 1000), $"flow {number} had to be answered at once");
            }
        }
    }

    [Fact]
    public void A_clock_that_goes_back_is_held()
    {
        using var table = new FlowTable(10);
        table.Remember(Key(1), 1000);
        table.Remember(Key(2), 900);
        Assert.True(table.Answer(Key(2), 1119));
        Assert.Equal(2, table.Count(1119));
        Assert.Equal(1, table.Count(1299));
        Assert.Equal(0, table.Count(1300));
    }

    [Fact]
    public void A_reader_whose_clock_is_behind_finds_what_was_just_remembered()
    {
        using var table = new FlowTable(10);
        table.Remember(Key(1), 1000);
        Assert.True(table.Answer(Key(1), 999));
        Assert.Equal(1, table.Count(999));
        var flows = new List<RememberedFlow>();
        table.AddTo(flows, Direction.Out, 999);
        Assert.Equal(0u, Assert.Single(flows).Age);
    }

    [Fact]
    public void The_hash_spreads_neighbouring_flows_evenly()
    {
        const int Flows = 1 << 16;
        int[] low = new int[256];
        int[] high = new int[256];
        var hash = new SeededHash();
        for (int number = 0; number < Flows; number++)
        {
            ulong value = Key(number).Hash(hash);
            low[(byte)value]++;
            high[(byte)(value >> 32)]++;
        }

        // 256 expected in each, a standard deviation of 16: ten of them is beyond chance.
        Assert.All(low.Concat(high), count => Assert.InRange(count, 256 - 160, 256 + 160));
    }

    [Fact]
    public void Each_hash_has_a_seed_of_its_own() =>
        Assert.NotEqual(new SeededHash().Of(1, 2), new SeededHash().Of(1, 2));

    /// <summary>Half of the flows are of one source.</summary>
    private static int Number(Random random, bool greedy) => greedy ? -1 - random.Next(20) : random.Next(20);

    /// <summary>Negative numbers are flows of one source, the others each of a source of its own.</summary>
    private static Flow FlowOf(int number) =>
        number < 0
            ? new(17, 0x0A000000u, 0x0A800001, (ushort)(40_000 + number), 53)
            : new(17, 0x0A000001u + (uint)number, 0x0A800001, 40_000, 53);

    private static FlowKey Key(int number) => new(FlowOf(number));

    private static FlowKey KeyOf(int source, int number) =>
        new(new Flow(6, 0x0B000000u + (uint)source, 0x0A800001u + (uint)(number >> 16), (ushort)number, 53));
}
