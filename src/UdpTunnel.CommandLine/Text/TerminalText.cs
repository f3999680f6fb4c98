// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;

namespace UdpTunnel.CommandLine;

/// <summary>
/// Text on its way to a terminal. Names, addresses and messages come from a daemon, a file or a peer: a control
/// character in them could move the cursor, change the title or answer for the user, so each is shown as its number
/// instead.
/// </summary>
public static class TerminalText
{
    private const string Cut = "...";

    /// <summary>
    /// The text with everything replaced that a terminal does not simply draw: control characters (C0, DEL, C1), format
    /// characters such as those that reverse the direction of writing, line and paragraph separators, lone surrogates,
    /// private and unassigned code points. They become <c>\x1b</c> or <c>\u{202e}</c>.
    /// </summary>
    public static string Escape(string text)
    {
        foreach (var c in text)
        {
            if (c is < ' ' or > '~')
            {
                return EscapeSlowly(text);
            }
        }

        return text;
    }

    /// <summary>
    /// The columns that an escaped text takes, or more: every code point from U+1100 on (where the wide scripts begin)
    /// counts two, save the block elements that our graphs are drawn with; combining marks count one. Too much shortens
    /// a line early; too little would break the width of the screen.
    /// </summary>
    public static int Columns(string escaped)
    {
        var columns = 0;
        foreach (var rune in escaped.EnumerateRunes())
        {
            columns += Columns(rune);
        }

        return columns;
    }

    /// <summary>
    /// The text escaped and, if it takes more than <paramref name="width"/> columns, cut and ended with <c>...</c>.
    /// </summary>
    /// <param name="text">From anywhere.</param>
    /// <param name="width">At least 3.</param>
    public static string Fit(string text, int width)
    {
        var escaped = Escape(text);
        if (Columns(escaped) <= width)
        {
            return escaped;
        }

        return string.Concat(escaped.AsSpan(0, Prefix(escaped, width - Cut.Length)), Cut);
    }

    /// <summary>
    /// The text escaped and folded at spaces into lines of at most <paramref name="width"/> columns; a longer word is
    /// broken.
    /// </summary>
    /// <param name="text">From anywhere.</param>
    /// <param name="width">At least 2, so that every code point fits.</param>
    public static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        var line = new StringBuilder();
        var used = 0;
        foreach (var word in Escape(text).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var rest = word;
            var columns = Columns(rest);
            if (used > 0 && used + 1 + columns > width)
            {
                EndLine();
            }

            while (columns > width)
            {
                var length = Prefix(rest, width);
                lines.Add(rest[..length]);
                rest = rest[length..];
                columns = Columns(rest);
            }

            if (used > 0)
            {
                line.Append(' ');
                used++;
            }

            line.Append(rest);
            used += columns;
        }

        if (used > 0 || lines.Count == 0)
        {
            EndLine();
        }

        return lines;

        void EndLine()
        {
            lines.Add(line.ToString());
            line.Clear();
            used = 0;
        }
    }

    private static int Columns(Rune rune) => rune.Value is < 0x1100 or (>= 0x2581 and <= 0x2588) ? 1 : 2;

    /// <summary>
    /// The number of UTF-16 units of the longest start that takes at most <paramref name="width"/> columns.
    /// </summary>
    private static int Prefix(string escaped, int width)
    {
        var columns = 0;
        var length = 0;
        foreach (var rune in escaped.EnumerateRunes())
        {
            columns += Columns(rune);
            if (columns > width)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return length;
    }

    private static string EscapeSlowly(string text)
    {
        var escaped = new StringBuilder(text.Length + 16);
        var i = 0;
        while (i < text.Length)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune))
            {
                Number(text[i++]);
                continue;
            }

            i += rune.Utf16SequenceLength;
            if (IsDrawn(rune))
            {
                escaped.Append(rune.ToString());
            }
            else
            {
                Number(rune.Value);
            }
        }

        return escaped.ToString();

        void Number(int value)
        {
            if (value < 0x100)
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{{{value:x}}}");
            }
        }
    }

    private static bool IsDrawn(Rune rune) =>
        Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control
            or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned => false,
            _ => true,
        };
}
