using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Hosting;

namespace UdpTunnel.Api;

/// <summary>The interval of a stream of counters: 100 ms to 1 h; 1 s if not given.</summary>
internal static class WatchInterval
{
    private const long Least = 100_000_000;
    private const long Most = 3600 * (long)Duration.NanosecondsPerSecond;

    private static readonly TimeSpan Default = TimeSpan.FromSeconds(1);

    /// <summary>Reads it.</summary>
    /// <exception cref="RequestException">It is none.</exception>
    public static TimeSpan Read(Duration? interval)
    {
        if (interval is null)
        {
            return Default;
        }

        // By its fields: the conversion throws for what is no duration, and rounds.
        var time =
            interval.Seconds is >= 0 and <= 3600 && interval.Nanos is >= 0 and < Duration.NanosecondsPerSecond
                ? (interval.Seconds * Duration.NanosecondsPerSecond) + interval.Nanos
                : -1;
        return time is >= Least and <= Most
            ? interval.ToTimeSpan()
            : throw new RequestException(Fault.InvalidRequest, "the interval must be 100 ms to 1 h");
    }
}
