// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What a tunnel or relay carried since it started.</summary>
internal readonly record struct TrafficTotal(ulong BytesOut, ulong PacketsOut, ulong BytesIn, ulong PacketsIn)
{
    /// <summary>A tunnel's.</summary>
    public static TrafficTotal Of(Counters? counters) =>
        counters is null
            ? default
            : new TrafficTotal(counters.BytesOut, counters.PacketsOut, counters.BytesIn, counters.PacketsIn);

    /// <summary>A relay's.</summary>
    public static TrafficTotal Of(RelayCounters? counters) =>
        counters is null
            ? default
            : new TrafficTotal(
                counters.BytesToService,
                counters.PacketsToService,
                counters.BytesToClients,
                counters.PacketsToClients
            );

    /// <summary>
    /// The rate since an earlier total; 0 for a counter that went back, which it does when its owner restarts.
    /// </summary>
    /// <param name="before">The earlier total.</param>
    /// <param name="elapsed">Time between, more than 0.</param>
    public TrafficRate Since(TrafficTotal before, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new TrafficRate(
            PerSecond(before.BytesOut, BytesOut),
            PerSecond(before.PacketsOut, PacketsOut),
            PerSecond(before.BytesIn, BytesIn),
            PerSecond(before.PacketsIn, PacketsIn)
        );

        double PerSecond(ulong from, ulong to) => to > from ? (to - from) / seconds : 0;
    }
}
