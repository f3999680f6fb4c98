namespace UdpTunnel.Tunnel;

/// <summary>Inner packets and their bytes per second.</summary>
internal readonly record struct TrafficRates(double PacketsOut, double BytesOut, double PacketsIn, double BytesIn)
{
    // Weight of the newest second: after five seconds a change shows in full, give or take a tenth.
    private const double Weight = 0.4;

    // What a long idle tunnel's average decays to is no rate.
    private const double Least = 0.05;

    /// <summary>Takes in what was carried in some time.</summary>
    public TrafficRates After(in TrafficTotals before, in TrafficTotals now, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new TrafficRates(
            Average(PacketsOut, (now.PacketsOut - before.PacketsOut) / seconds),
            Average(BytesOut, (now.BytesOut - before.BytesOut) / seconds),
            Average(PacketsIn, (now.PacketsIn - before.PacketsIn) / seconds),
            Average(BytesIn, (now.BytesIn - before.BytesIn) / seconds));
    }

    /// <summary>Takes the newest second into an average.</summary>
    public static double Average(double average, double newest)
    {
        var result = average + (Weight * (newest - average));
        return result < Least ? 0 : result;
    }
}
