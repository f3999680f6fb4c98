// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;

namespace UdpTunnel.Config;

/// <summary>
/// Shows a piece of a text that may come from an attacker: short, on one line, nothing that moves a terminal.
/// </summary>
public static class Excerpt
{
    /// <summary>Most characters of a value that a message shows.</summary>
    private const int MaxShown = 40;

    /// <summary>The value in double quotes, escaped and shortened.</summary>
    public static string Quote(ReadOnlySpan<char> value) => $"\"{Escape(value, MaxShown)}\"";

    /// <summary>The value without quotes, escaped and shortened, as for numbers and field names.</summary>
    public static string Bare(ReadOnlySpan<char> value) => Escape(value, MaxShown);

    /// <summary>
    /// Escapes, as JSON does, what is not printable: controls, but also format characters, which can turn the reading
    /// direction, spaces that look like another, line separators, and code points without a meaning.
    /// </summary>
    public static string Escape(ReadOnlySpan<char> value, int maxCharacters)
    {
        var shown = new StringBuilder();
        var count = 0;
        foreach (var rune in value.EnumerateRunes())
        {
            if (count++ == maxCharacters)
            {
                return shown.Append('…').ToString();
            }

            if (rune.Value is '"' or '\\')
            {
                shown.Append('\\').Append((char)rune.Value);
            }
            else if (IsPrintable(rune))
            {
                shown.Append(rune.ToString());
            }
            else
            {
                AppendEscaped(shown, rune);
            }
        }

        return shown.ToString();
    }

    private static bool IsPrintable(Rune rune) =>
        rune.Value == ' '
        || Rune.GetUnicodeCategory(rune)
            is not (
                UnicodeCategory.Control
                or UnicodeCategory.Format
                or UnicodeCategory.SpaceSeparator
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Surrogate
                or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned
            );

    private static void AppendEscaped(StringBuilder shown, Rune rune)
    {
        Span<char> units = stackalloc char[2];
        var length = rune.EncodeToUtf16(units);
        foreach (var unit in units[..length])
        {
            shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
        }
    }
}
