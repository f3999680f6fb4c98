// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Cocona.Command.Binder.Validation;

namespace UdpTunnel.CommandLine;

/// <summary>Durations as people write them: <c>500ms</c>, <c>1s</c>, <c>1.5s</c>, <c>2m</c>, <c>1h</c>.</summary>
public static class DurationText
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
        if (
            ticks == 0
            || !decimal.TryParse(
                text.AsSpan(0, digits),
                NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out var number
            )
            || number > long.MaxValue / ticks - 1
        )
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)(number * ticks));
        return true;
    }
}

/// <summary>The bounds of an option that is a duration.</summary>
/// <param name="least">The smallest that is allowed, as it is typed.</param>
/// <param name="most">The largest that is allowed, as it is typed.</param>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
public sealed class DurationRangeAttribute(string least, string most) : Attribute, ICoconaParameterValidator
{
    /// <inheritdoc/>
    public IEnumerable<CoconaParameterValidationResult> Validate(CoconaParameterValidationContext ctx)
    {
        if (
            ctx.Value is TimeSpan duration
            && !(
                DurationText.TryParse(least, out var minimum)
                && duration >= minimum
                && DurationText.TryParse(most, out var maximum)
                && duration <= maximum
            )
        )
        {
            yield return new(ctx.Parameter.Name, $"--{ctx.Parameter.Name}: {least} to {most} is allowed");
        }
    }
}
