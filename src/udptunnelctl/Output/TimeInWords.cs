// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;

namespace UdpTunnel.Cli.Output;

/// <summary>Spans of time in words.</summary>
internal static class TimeInWords
{
    private static readonly (string Name, long Seconds)[] Units =
    [
        ("year", 365 * 86_400),
        ("day", 86_400),
        ("hour", 3_600),
        ("minute", 60),
        ("second", 1),
    ];

    /// <summary>
    /// <c>12 seconds</c>, <c>3 minutes, 5 seconds</c>, <c>2 days, 1 hour</c>: the two largest units that follow each
    /// other; less than a second is <c>0 seconds</c>.
    /// </summary>
    /// <param name="span">Negative counts as 0.</param>
    public static string Length(TimeSpan span)
    {
        var seconds = Math.Max(0, (long)span.TotalSeconds);
        for (var i = 0; i < Units.Length; i++)
        {
            var count = seconds / Units[i].Seconds;
            if (count == 0)
            {
                continue;
            }

            var text = Number(count, Units[i].Name);
            if (i + 1 < Units.Length && seconds % Units[i].Seconds / Units[i + 1].Seconds is > 0 and var next)
            {
                text += ", " + Number(next, Units[i + 1].Name);
            }

            return text;
        }

        return Number(0, "second");
    }

    /// <summary>
    /// <c>12 seconds ago</c>; under a second, and for a time that is still to come (clocks are set), <c>just now</c>.
    /// </summary>
    public static string Ago(DateTimeOffset then, DateTimeOffset now) =>
        now - then < TimeSpan.FromSeconds(1) ? "just now" : Length(now - then) + " ago";

    /// <summary><c>, up 3 minutes, 5 seconds</c>; empty if the start is not known.</summary>
    public static string Up(Timestamp? started, DateTimeOffset now) =>
        TimeText.Of(started) is { } time ? $", up {Length(now - time)}" : "";

    /// <summary>
    /// <c>12s</c>, <c>3m</c>, <c>5h</c>, <c>2d</c>, <c>1y</c>: the largest unit, rounded down, for columns.
    /// </summary>
    /// <param name="span">Negative counts as 0.</param>
    public static string Short(TimeSpan span)
    {
        var seconds = Math.Max(0, (long)span.TotalSeconds);
        foreach (var (name, length) in Units)
        {
            if (seconds >= length)
            {
                return $"{seconds / length}{name[0]}";
            }
        }

        return "0s";
    }

    private static string Number(long count, string unit) => count == 1 ? $"1 {unit}" : $"{count} {unit}s";
}
