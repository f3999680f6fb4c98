// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Text;

namespace UdpTunnel.Config;

/// <summary>
/// Characters that look like others of a configuration file, and come from word processors, mails and web pages.
/// </summary>
internal static class Typography
{
    private static readonly SearchValues<char> Quotes = SearchValues.Create(
        "\u2018\u2019\u201A\u201C\u201D\u201E\u00AB\u00BB"
    );
    private static readonly SearchValues<char> Spaces = SearchValues.Create("\u00A0\u2007\u202F\u2009\u200A\u3000");
    private static readonly SearchValues<char> Invisible = SearchValues.Create("\u200B\u200C\u200D\u2060\uFEFF");
    private static readonly SearchValues<char> Dashes = SearchValues.Create("\u2010\u2011\u2012\u2013\u2014\u2212");

    /// <summary>
    /// What the character at the beginning of a text is, with its number; null if it is none of these.
    /// </summary>
    public static string? Describe(ReadOnlySpan<byte> utf8)
    {
        if (Rune.DecodeFromUtf8(utf8, out var rune, out _) != OperationStatus.Done || !rune.IsBmp)
        {
            return null;
        }

        var character = (char)rune.Value;
        var what =
            Quotes.Contains(character) ? "a typographic quotation mark"
            : Spaces.Contains(character) ? "a no-break or typographic space"
            : Invisible.Contains(character) ? "an invisible character"
            : Dashes.Contains(character) ? "a typographic dash"
            : null;
        return what is null ? null : $"{what} (U+{(int)character:X4})";
    }

    /// <summary>Offset of the first of these characters in a text; -1 if there is none.</summary>
    public static int Find(ReadOnlySpan<byte> utf8)
    {
        for (var at = 0; at < utf8.Length; at++)
        {
            if (utf8[at] >= 0x80 && (utf8[at] & 0xC0) != 0x80 && Describe(utf8[at..]) is not null)
            {
                return at;
            }
        }

        return -1;
    }
}
