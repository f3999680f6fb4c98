// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>The replay window against a set of all that was seen.</summary>
public sealed class ReplayWindowTests
{
    [Fact]
    public void The_window_is_as_long_as_others_have_it() => Assert.True(ReplayWindow.Size >= 8_128);

    [Theory]
    [InlineData(0UL)]
    [InlineData(1_000_000UL)]
    [InlineData((1UL << 60) - 5_000)]
    [InlineData(ulong.MaxValue - 200_000)]
    public void It_says_what_a_set_says(ulong start)
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 20; round++)
        {
            var window = new ReplayWindow();
            var seen = new HashSet<ulong>();
            ulong newest = 0;
            ulong at = start;
            for (var i = 0; i < 5_000; i++)
            {
                at += (ulong)(random.Next(20) == 0 ? random.Next(20_000) : random.Next(3));
                var counter = random.Next(3) == 0 ? at - Math.Min(at, (ulong)random.Next(9_000)) : at;
                if (ulong.MaxValue - at < 50_000)
                {
                    break;
                }

                var isNew = !seen.Contains(counter) && (counter > newest || newest - counter <= ReplayWindow.Size);
                Assert.True(isNew == window.IsNew(counter), $"counter {counter}, newest {newest}, seed {seed}");
                if (random.Next(10) == 0)
                {
                    // Forged: it was asked about only.
                    continue;
                }

                Assert.Equal(isNew, window.Accept(counter));
                seen.Add(counter);
                newest = Math.Max(newest, counter);
            }
        }
    }

    [Fact]
    public void Its_edges_are_exact()
    {
        var window = new ReplayWindow();
        Assert.True(window.Accept(0));
        Assert.False(window.Accept(0));
        Assert.True(window.Accept(ReplayWindow.Size + 1));
        Assert.False(window.IsNew(0));
        Assert.True(window.Accept(1));
        Assert.False(window.Accept(1));
        Assert.True(window.Accept(ulong.MaxValue));
        Assert.True(window.Accept(ulong.MaxValue - ReplayWindow.Size));
        Assert.False(window.IsNew(ulong.MaxValue - ReplayWindow.Size - 1));
        Assert.False(window.IsNew(2));
    }
}
