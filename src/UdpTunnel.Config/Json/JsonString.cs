// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;

namespace UdpTunnel.Config.Json;

/// <summary>JSON strings (RFC 8259, section 7).</summary>
internal static class JsonString
{
    private const string UnknownEscape =
        "this is not an escape in a string (\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits)";

    private const string NoEnd = "the string that begins here has no end (a double quote is missing)";

    /// <summary>Finds the end of a string and checks its escapes.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="at">Offset behind the opening quote; afterwards behind the closing one, or at the error.</param>
    /// <returns>What is wrong; null if nothing.</returns>
    public static string? Scan(ReadOnlySpan<byte> text, ref int at)
    {
        while (at < text.Length)
        {
            switch (text[at])
            {
                case (byte)'"':
                    at++;
                    return null;
                case (byte)'\\':
                    if (ScanEscape(text, ref at) is { } error)
                    {
                        return error;
                    }

                    break;
                case (byte)'\n' or (byte)'\r':
                    return "a string does not go over the end of a line (a double quote is missing, or write \\n)";
                case < 0x20:
                    return "a string has no bare control characters (write \\t or \\u and four hexadecimal digits)";
                default:
                    at++;
                    break;
            }
        }

        return NoEnd;
    }

    /// <summary>The value of a scanned string.</summary>
    /// <param name="quoted">The string with its quotes, as <see cref="Scan"/> accepted it.</param>
    /// <returns>The text.</returns>
    public static string Decode(ReadOnlySpan<byte> quoted)
    {
        var content = Encoding.UTF8.GetString(quoted[1..^1]);
        if (!content.Contains('\\', StringComparison.Ordinal))
        {
            return content;
        }

        var decoded = new StringBuilder(content.Length);
        for (var i = 0; i < content.Length; i++)
        {
            if (content[i] != '\\')
            {
                decoded.Append(content[i]);
                continue;
            }

            i++;
            if (content[i] == 'u')
            {
                var unit = content.AsSpan(i + 1, 4);
                decoded.Append((char)ushort.Parse(unit, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 4;
            }
            else
            {
                decoded.Append(Unescape(content[i]));
            }
        }

        return decoded.ToString();
    }

    private static char Unescape(char escape) =>
        escape switch
        {
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => escape,
        };

    private static string? ScanEscape(ReadOnlySpan<byte> text, ref int at)
    {
        if (at + 1 == text.Length)
        {
            at = text.Length;
            return NoEnd;
        }

        if (text[at + 1] != 'u')
        {
            if (!"\"\\/bfnrt"u8.Contains(text[at + 1]))
            {
                return UnknownEscape;
            }

            at += 2;
            return null;
        }

        if (!TryReadUnit(text, at, out var unit))
        {
            return UnknownEscape;
        }

        // Half a pair stands for no character, and would not come back from UTF-8.
        if (char.IsSurrogate(unit))
        {
            if (
                !char.IsHighSurrogate(unit)
                || !TryReadUnit(text, at + 6, out var second)
                || !char.IsLowSurrogate(second)
            )
            {
                return "this escape is half of a surrogate pair; the other half is missing";
            }

            at += 6;
        }

        at += 6;
        return null;
    }

    private static bool TryReadUnit(ReadOnlySpan<byte> text, int at, out char unit)
    {
        unit = default;
        if (at + 6 > text.Length || text[at] != '\\' || text[at + 1] != 'u')
        {
            return false;
        }

        var value = 0;
        foreach (var b in text.Slice(at + 2, 4))
        {
            if (!char.IsAsciiHexDigit((char)b))
            {
                return false;
            }

            value = (value << 4) | HexDigit(b);
        }

        unit = (char)value;
        return true;
    }

    /// <summary>The value of a character that is known to be a hexadecimal digit.</summary>
    private static int HexDigit(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
