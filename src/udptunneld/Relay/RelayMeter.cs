// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Relay;

/// <summary>Measures what a relay carries per second. One thread ticks, any reads.</summary>
internal sealed class RelayMeter(long now)
{
    private RelayTraffic _before;
    private long _ticked = now;
    private volatile StrongBox<RelayRates> _rates = new();

    /// <summary>As they were at the last tick.</summary>
    public RelayRates Rates => _rates.Value;

    /// <summary>Called about once a second.</summary>
    /// <param name="traffic">All that was carried until now.</param>
    /// <param name="now">Milliseconds.</param>
    public void Tick(in RelayTraffic traffic, long now)
    {
        if (now > _ticked)
        {
            _rates = new StrongBox<RelayRates>(
                _rates.Value.After(_before, traffic, TimeSpan.FromMilliseconds(now - _ticked))
            );
            _before = traffic;
            _ticked = now;
        }
    }
}
