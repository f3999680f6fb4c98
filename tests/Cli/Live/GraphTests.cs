// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Live;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class GraphTests
{
    [Fact]
    public void The_greatest_value_is_full_and_nothing_is_empty() =>
        Assert.Equal("   ▁▄█", new Graph(blocks: true).Line([0, 1, 400, 800], 6));

    [Fact]
    public void Only_the_newest_values_are_shown() => Assert.Equal("▄█", new Graph(blocks: true).Line([1000, 1, 2], 2));

    [Fact]
    public void Without_block_elements_it_is_ascii() =>
        Assert.Equal(" .=@", new Graph(blocks: false).Line([0, 1, 400, 800], 4));

    [Fact]
    public void Rows_stand_upon_each_other() =>
        Assert.Equal(["  █", " ██", "▁██"], new Graph(blocks: true).Bars([0.001, 20, 30], 3, rows: 3));

    private static readonly int[] Widths = [1, 7, 300];

    [Fact]
    public void Every_row_has_its_width_whatever_the_values() =>
        Property.ForAll<double[]>(values =>
        {
            values = [.. values, double.NaN, double.PositiveInfinity, -1, double.MaxValue, double.Epsilon];
            return Widths.All(width =>
                new Graph(blocks: true).Bars(values, width, 3).All(l => l.Length == width)
                && new Graph(blocks: false).Line(values, width).All(c => c is >= ' ' and <= '~')
            );
        });
}
