using System.Globalization;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>Durations as options have them: <c>500ms</c>, <c>1s</c>, <c>1.5s</c>, <c>2m</c>, <c>1h</c>.</summary>
internal static class DurationText
{
    /// <summary>Reads a duration: a decimal number and one of the units ms, s, m, h.</summary>
    /// <returns>False if it is none or does not lie in the range of <see cref="TimeSpan"/>.</returns>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
        {
            digits++;
        }

        long ticks = text.AsSpan(digits) switch
        {
            "ms" => TimeSpan.TicksPerMillisecond,
            "s" => TimeSpan.TicksPerSecond,
            "m" => TimeSpan.TicksPerMinute,
            "h" => TimeSpan.TicksPerHour,
            _ => 0,
        };
        if (ticks == 0
            || !decimal.TryParse(
                text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number > long.MaxValue / ticks - 1)
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)(number * ticks));
        return true;
    }

    /// <summary>The value of an option, within bounds.</summary>
    /// <param name="option">Its name, for the message.</param>
    /// <param name="text">What was given.</param>
    /// <param name="least">The smallest that is allowed, as text.</param>
    /// <param name="most">The largest that is allowed, as text.</param>
    /// <exception cref="CommandException">It is no duration or outside the bounds; says what is allowed.</exception>
    public static TimeSpan Require(string option, string text, string least, string most)
    {
        if (TryParse(text, out var duration)
            && TryParse(least, out var minimum) && duration >= minimum
            && TryParse(most, out var maximum) && duration <= maximum)
        {
            return duration;
        }

        throw new CommandException(ExitCode.Usage, "usage", $"{option}: '{text}' is not a duration from {least} to {most}")
        {
            Advice = "Write a number and a unit: 500ms, 1s, 2m, 1h.",
        };
    }
}
