// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

public sealed class RelayMeterTests
{
    [Fact]
    public void A_steady_flow_is_shown_after_some_seconds_and_forgotten_after_it_has_ended()
    {
        var meter = new RelayMeter(0);
        var traffic = default(RelayTraffic);
        for (var second = 1; second <= 20; second++)
        {
            traffic = new RelayTraffic(100 * second, 10_000 * second, 50 * second, 50_000 * second);
            meter.Tick(traffic, second * 1000);
        }

        Assert.InRange(meter.Rates.PacketsToService, 99, 100);
        Assert.InRange(meter.Rates.BytesToService, 9_900, 10_000);
        Assert.InRange(meter.Rates.PacketsToClients, 49, 50);
        Assert.InRange(meter.Rates.BytesToClients, 49_000, 50_000);

        for (var second = 21; second < 60; second++)
        {
            meter.Tick(traffic, second * 1000);
        }

        Assert.Equal(default, meter.Rates);
    }

    [Fact]
    public void Ticks_may_be_late_and_none_at_all_changes_nothing()
    {
        var once = new RelayMeter(0);
        once.Tick(new RelayTraffic(100, 0, 0, 0), 1000);
        var late = new RelayMeter(0);
        late.Tick(new RelayTraffic(300, 0, 0, 0), 3000);
        Assert.Equal(once.Rates, late.Rates);

        late.Tick(new RelayTraffic(900, 0, 0, 0), 3000);
        Assert.Equal(once.Rates, late.Rates);
    }
}
