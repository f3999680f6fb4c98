// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace UdpTunnel.Cli.Output;

/// <summary>Points in time.</summary>
internal static class TimeText
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

    /// <summary>The length of a message's duration; 0 if it is not set or no valid one.</summary>
    public static TimeSpan Length(Duration? duration)
    {
        // The range that duration.proto allows, some 10,000 years; TimeSpan holds more.
        const long MaxSeconds = 315_576_000_000;
        return duration is { Seconds: >= -MaxSeconds and <= MaxSeconds, Nanos: > -1_000_000_000 and < 1_000_000_000 }
            ? TimeSpan.FromTicks(duration.Seconds * TimeSpan.TicksPerSecond + duration.Nanos / 100)
            : TimeSpan.Zero;
    }

    /// <summary>As RFC 3339 has it, in UTC, with as many decimals as needed (0 to 7).</summary>
    public static string Rfc3339(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>In the local time zone, to the second: <c>2026-01-31 09:05:07</c>.</summary>
    public static string Local(DateTimeOffset time, TimeProvider clock) =>
        TimeZoneInfo
            .ConvertTime(time, clock.LocalTimeZone)
            .ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
