// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class TrafficRatesTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void A_steady_flow_shows_as_what_it_is_after_a_few_seconds()
    {
        var rates = default(TrafficRates);
        var totals = new TrafficTotals(7, 7, 7, 7);
        for (var i = 0; i < 5; i++)
        {
            var next = new TrafficTotals(
                totals.PacketsOut + 100,
                totals.BytesOut + 130_000,
                totals.PacketsIn + 10,
                totals.BytesIn + 1000
            );
            rates = rates.After(totals, next, Second);
            totals = next;
        }

        Assert.InRange(rates.PacketsOut, 90, 100);
        Assert.InRange(rates.BytesOut, 117_000, 130_000);
        Assert.InRange(rates.PacketsIn, 9, 10);
        Assert.InRange(rates.BytesIn, 900, 1000);
    }

    [Fact]
    public void Time_counts_as_it_passed() =>
        Assert.Equal(
            default(TrafficRates).After(default, new TrafficTotals(100, 0, 0, 0), Second),
            default(TrafficRates).After(default, new TrafficTotals(50, 0, 0, 0), Second / 2)
        );

    [Fact]
    public void What_stops_goes_to_zero_and_stays_there()
    {
        var rates = new TrafficRates(1000, 1_000_000, 1000, 1_000_000);
        var idle = new TrafficTotals(5, 5, 5, 5);
        for (var i = 0; i < 60; i++)
        {
            var next = rates.After(idle, idle, Second);
            Assert.True(next.PacketsOut < rates.PacketsOut || next.PacketsOut == 0);
            rates = next;
        }

        Assert.Equal(default, rates);
    }
}
