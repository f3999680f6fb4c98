// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Config;

/// <summary>
/// Whole numbers in digits alone: no sign, blank, separator, exponent or leading zero, in no culture.
/// </summary>
internal static class DecimalNumber
{
    /// <summary>Reads a number.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="max">Largest value accepted; at most 999,999,999, so that nothing overflows.</param>
    /// <param name="value">The number, 0 to <paramref name="max"/>.</param>
    public static bool TryParse(ReadOnlySpan<char> text, int max, out int value)
    {
        value = 0;
        if (text.Length is 0 or > 9 || (text.Length > 1 && text[0] == '0'))
        {
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            value = (value * 10) + (c - '0');
        }

        return value <= max;
    }

    /// <summary>Reads a number of any size that fits.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="value">The number.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out uint value)
    {
        value = 0;
        return (text.Length == 1 || !text.StartsWith("0"))
            && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
