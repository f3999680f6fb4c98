using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace UdpTunnel.Cli.Output;

/// <summary>Points in time.</summary>
internal static class Moment
{
    /// <summary>The time of a message; null if it is not set or outside the years 1 to 9999.</summary>
    public static DateTimeOffset? Of(Timestamp? timestamp)
    {
        if (timestamp is null || timestamp.Nanos is < 0 or > 999_999_999)
        {
            return null;
        }

        try
        {
            return DateTimeOffset.FromUnixTimeSeconds(timestamp.Seconds).AddTicks(timestamp.Nanos / 100);
        }
        catch (ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>As RFC 3339 has it, in UTC, with as many decimals as needed (0 to 7).</summary>
    public static string Rfc3339(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>In the local time zone, to the second: <c>2026-01-31 09:05:07</c>.</summary>
    public static string Local(DateTimeOffset time, TimeProvider clock) =>
        TimeZoneInfo.ConvertTime(time, clock.LocalTimeZone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
