// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class AlternationTests
{
    private readonly Alternation _alternation = new();

    [Fact]
    public void One_packet_out_and_one_in_at_a_time_are_an_alternation() =>
        Assert.All(Enumerable.Range(0, 100), i => Assert.True(Take((i + 1) % 2, i % 2)));

    [Fact]
    public void So_are_one_in_and_its_answer_between_two_waits() =>
        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(Take(1, 1)));

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void A_stream_in_one_direction_is_none(int packetsIn, int packetsOut)
    {
        var steps = Enumerable.Range(0, 100).Select(_ => Take(packetsIn, packetsOut)).ToList();
        Assert.All(steps.Zip(steps.Skip(1)), pair => Assert.False(pair is (true, true)));
    }

    [Theory]
    [InlineData(49, 1)]
    [InlineData(1, 2)]
    [InlineData(0, 0)]
    public void A_bulk_transfer_or_nothing_at_all_is_none(int packetsIn, int packetsOut) =>
        Assert.All(Enumerable.Range(0, 100), _ => Assert.False(Take(packetsIn, packetsOut)));

    [Fact]
    public void A_packet_that_was_lost_interrupts_it_for_a_moment()
    {
        Assert.True(Take(1, 1));
        Assert.True(Take(0, 1));
        Assert.False(Take(0, 1));
        Assert.All(Enumerable.Range(0, 100), _ => Assert.True(Take(1, 1)));
    }

    private bool Take(int packetsIn, int packetsOut)
    {
        _alternation.Count(packetsIn, packetsOut);
        return _alternation.Take();
    }
}
