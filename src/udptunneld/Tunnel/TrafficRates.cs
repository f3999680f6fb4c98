using UdpTunnel.Hosting;

namespace UdpTunnel.Tunnel;

/// <summary>Inner packets and their bytes per second.</summary>
internal readonly record struct TrafficRates(double PacketsOut, double BytesOut, double PacketsIn, double BytesIn)
{
    /// <summary>Takes in what was carried in some time.</summary>
    public TrafficRates After(in TrafficTotals before, in TrafficTotals now, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new TrafficRates(
            RateAverage.Next(PacketsOut, (now.PacketsOut - before.PacketsOut) / seconds),
            RateAverage.Next(BytesOut, (now.BytesOut - before.BytesOut) / seconds),
            RateAverage.Next(PacketsIn, (now.PacketsIn - before.PacketsIn) / seconds),
            RateAverage.Next(BytesIn, (now.BytesIn - before.BytesIn) / seconds));
    }
}
