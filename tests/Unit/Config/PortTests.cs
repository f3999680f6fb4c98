// SPDX-License-Identifier: BSD-3-Clause

using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class PortTests
{
    private static readonly ushort[] AllPorts = [.. Enumerable.Range(0, 65_536).Select(port => (ushort)port)];

    [Theory]
    [InlineData("1", 1, 1)]
    [InlineData("65535", 65_535, 65_535)]
    [InlineData("8000-8010", 8000, 8010)]
    [InlineData("1-65535", 1, 65_535)]
    [InlineData("22-22", 22, 22)]
    public void A_port_or_a_range_is_read(string text, int first, int last)
    {
        Assert.True(PortRange.TryParse(text, out var range, out var error));
        Assert.Null(error);
        Assert.Equal((first, last), (range.First, range.Last));
        Assert.Equal(last - first + 1, range.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("65536")]
    [InlineData("4294967318")]
    [InlineData("100000000022")]
    [InlineData("022")]
    [InlineData("+22")]
    [InlineData("22 ")]
    [InlineData("8000 - 8010")]
    [InlineData("8000:8010")]
    [InlineData("8000–8010")]
    [InlineData("8010-8000")]
    [InlineData("0x16")]
    [InlineData("٢٢")]
    public void What_is_no_port_is_refused_with_a_reason(string text)
    {
        Assert.False(PortRange.TryParse(text, out var range, out var error));
        Assert.Equal(default, range);
        Assert.Contains(text, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_range_of_port_0_or_backwards_cannot_be_made()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PortRange(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PortRange(6, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PortRange(0));
    }

    [Fact]
    public void The_text_of_a_range_reads_back_equal() => Generated.ForAll(Generated.PortRanges, range =>
        {
            Assert.True(PortRange.TryParse(range.ToString(), out var again, out _));
            Assert.Equal(range, again);
        });

    [Fact]
    public void A_set_behaves_as_65536_flags_do()
    {
        var edits = Gen.NonEmptyListOf(
            from range in Generated.PortRanges
            from allow in Gen.Frequency((2, Gen.Constant(true)), (1, Gen.Constant(false)))
            select (range, allow)
        );

        Generated.ForAll(edits, list =>
        {
            PortSet set = [];
            var flags = new bool[65_536];
            foreach (var (range, allow) in list)
            {
                set = allow ? set.Union(range) : set.Except(range);
                Array.Fill(flags, allow, range.First, range.Count);
            }

            Assert.Equal(flags.Count(f => f), set.PortCount);
            Assert.Equal(-1, Array.FindIndex(AllPorts, port => set.Contains(port) != flags[port]));
            Assert.All(set.Skip(1).Zip(set), pair => Assert.True(pair.First.First > pair.Second.Last + 1));
        });
    }

    [Fact]
    public void Sets_of_the_same_ports_are_equal_however_they_came_about() =>
        Generated.ForAll(Gen.NonEmptyListOf(Generated.PortRanges), ranges =>
        {
            var atOnce = PortSet.Create([.. ranges]);
            var backwards = Enumerable.Reverse(ranges).Aggregate(PortSet.Create([]), (set, range) => set.Union(range));

            Assert.Equal(atOnce, backwards);
            Assert.Equal(atOnce.GetHashCode(), backwards.GetHashCode());
            Assert.NotEqual(atOnce, atOnce.Except(new PortRange(ranges[0].First)));
        });

    [Fact]
    public void Adding_or_taking_away_a_set_is_doing_so_with_each_of_its_ranges() =>
        Generated.ForAll(Gen.Two(Generated.PortSets), sets =>
        {
            var (mine, other) = sets;

            Assert.Equal(other.Aggregate(mine, (set, range) => set.Union(range)), mine.Union(other));
            Assert.Equal(other.Aggregate(mine, (set, range) => set.Except(range)), mine.Except(other));
        });

    [Fact]
    public void A_set_is_shown_in_order_and_merged()
    {
        PortSet set = [new PortRange(8000, 8010), new PortRange(22), new PortRange(8011)];

        Assert.Equal("22, 8000-8011", set.ToString());
        Assert.Equal("", PortSet.Create([]).ToString());
    }
}
