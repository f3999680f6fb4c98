// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Config;

/// <summary>Union and difference of whole sets, against one flag for each port.</summary>
public sealed class PortSetAlgebraTests
{
    [Fact]
    public void Sets_of_ranges_are_sets_of_ports() => Randomised.Check(300, random =>
        {
            // Near each other and at both ends, where ranges touch and numbers wrap.
            var (a, aPorts) = Any(random);
            var (b, bPorts) = Any(random);

            Assert.Equal(aPorts.Union(bPorts).Order(), Ports(a.Union(b)));
            Assert.Equal(aPorts.Except(bPorts).Order(), Ports(a.Except(b)));
        });

    [Fact]
    public void Thousands_of_ranges_cost_no_more_than_their_number()
    {
        var odd = PortSet.Create([.. Enumerable.Range(0, 32_768).Select(i => new PortRange((ushort)((2 * i) + 1)))]);
        var all = PortSet.Create([new PortRange(1, 65_535)]);

        // Each against each would take minutes.
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(32_767, all.Except(odd).Count);
            Assert.Empty(odd.Except(odd));
            Assert.Equal(all, odd.Union(all.Except(odd)));
        }
    }

    private static (PortSet Set, HashSet<int> Ports) Any(Random random)
    {
        var ranges = new List<PortRange>();
        var ports = new HashSet<int>();
        for (var i = random.Next(8); i > 0; i--)
        {
            var first = random.OneOf(1 + random.Next(30), 65_535 - random.Next(30));
            var last = Math.Min(65_535, first + random.Next(10));
            ranges.Add(new PortRange((ushort)first, (ushort)last));
            ports.UnionWith(Enumerable.Range(first, last - first + 1));
        }

        return (PortSet.Create([.. ranges]), ports);
    }

    private static IEnumerable<int> Ports(PortSet set) =>
        set.SelectMany(r => Enumerable.Range(r.First, r.Last - r.First + 1));
}
