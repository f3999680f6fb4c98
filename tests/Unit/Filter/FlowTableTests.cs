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
            (uint)random.NextInt64(1L << 32),
            (uint)random.NextInt64(1L << 32),
            (ushort)random.Next(65_536),
            (ushort)random.Next(65_536));
        var key = new FlowKey(flow);
        var reversed = new Flow(
            flow.Protocol, flow.DestinationAddress, flow.SourceAddress, flow.DestinationPort, flow.SourcePort);
        Assert.Equal(flow, FlowKey.ToFlow(key.Addresses, key.Ports));
        Assert.Equal(reversed, FlowKey.ToFlow(key.Reversed.Addresses, key.Reversed.Ports));
        Assert.Equal((flow.SourcePort, flow.DestinationPort), (key.SourcePort, key.DestinationPort));
        Assert.True(key.Is(key.Reversed.Reversed));
    });

    [Fact]
    public void A_table_with_few_buckets_finds_the_same_as_a_dictionary() => Randomised.Check(300, random =>
    {
        // Four buckets for up to 24 flows: refused for want of a place, found dead, replaced, revived.
        using var table = new FlowTable(24, buckets: 4);
        var model = new Dictionary<int, uint>();
        uint now = random.OneOf(0u, int.MaxValue - 1000u, uint.MaxValue - 1000u);
        for (int step = 0; step < 500; step++)
        {
            now += random.OneOf(0u, 0u, 0u, 1u, 30u, 299u);
            int number = random.Next(40);
            int alive = model.Values.Count(used => now - used < 300);
            bool isAlive = model.TryGetValue(number, out uint last) && now - last < 300;
            Assert.Equal(isAlive, table.Contains(Key(number), now));
            Assert.Equal(alive, table.Count(now));
            DropReason verdict = table.Remember(Key(number), now);
            Assert.True(verdict is DropReason.None or DropReason.FlowTableFull);
            Assert.False(isAlive && verdict != DropReason.None, "a live flow was refused");
            Assert.False(!isAlive && alive >= 16 && verdict == DropReason.None, "more flows than places");
            if (verdict == DropReason.None)
            {
                model[number] = now;
            }
        }

        var flows = new List<RememberedFlow>();
        table.AddTo(flows, Direction.In, now);
        RememberedFlow[] expected =
        [
            .. model.Where(flow => now - flow.Value < 300).OrderBy(flow => flow.Key).Select(flow =>
                new RememberedFlow(FlowOf(flow.Key), Direction.In, now - flow.Value)),
        ];
        Assert.Equal(expected, flows.OrderBy(flow => flow.Flow.SourceAddress));
    });

    [Fact]
    public void A_clock_that_goes_back_is_held()
    {
        using var table = new FlowTable(10);
        Assert.Equal(DropReason.None, table.Remember(Key(1), 1000));
        Assert.Equal(DropReason.None, table.Remember(Key(2), 900));
        Assert.True(table.Contains(Key(2), 1299));
        Assert.Equal(2, table.Count(1299));
        Assert.Equal(0, table.Count(1300));
    }

    [Fact]
    public void A_reader_whose_clock_is_behind_finds_what_was_just_remembered()
    {
        using var table = new FlowTable(10);
        Assert.Equal(DropReason.None, table.Remember(Key(1), 1000));
        Assert.True(table.Contains(Key(1), 999));
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
            FlowKey key = Key(number);
            ulong value = hash.Of(key.Addresses, key.Ports);
            low[(byte)value]++;
            high[(byte)(value >> 32)]++;
        }

        // 256 expected in each, a standard deviation of 16: ten of them is beyond chance.
        Assert.All(low.Concat(high), count => Assert.InRange(count, 256 - 160, 256 + 160));
    }

    [Fact]
    public void Each_hash_has_a_seed_of_its_own() =>
        Assert.NotEqual(new SeededHash().Of(1, 2), new SeededHash().Of(1, 2));

    private static Flow FlowOf(int number) => new(17, 0x0A000000u + (uint)number, 0x0A800001, 40_000, 53);

    private static FlowKey Key(int number) => new(FlowOf(number));
}
