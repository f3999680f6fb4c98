// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.Config.WgQuick;

/// <summary>A piece of a text with its place.</summary>
/// <param name="Text">The piece.</param>
/// <param name="Offset">Offset of its first byte in the whole text.</param>
internal readonly record struct Piece(string Text, int Offset);

/// <summary>
/// One line of a wg-quick file: <c>[Section]</c> or <c>Key = Value</c>. A '#' begins a comment, blanks around the parts
/// do not count, as wg-quick(8) and wg(8) read them.
/// </summary>
/// <param name="Section">The section that begins, without brackets; null for a line with a key.</param>
/// <param name="Key">The key; a line without '=' is all key.</param>
/// <param name="Value">The value; null without '='.</param>
internal readonly record struct WgQuickLine(Piece? Section, Piece Key, Piece? Value)
{
    /// <summary>What a character of the line is that only looks like one of the format's; null if none does.</summary>
    public Piece? Lookalike { get; private init; }

    private static ReadOnlySpan<byte> Blanks => " \t\r\v\f"u8;

    /// <summary>
    /// Whether a text is meant as a wg-quick file rather than as JSON: by its first line that is not blank, which is a
    /// comment, a section or a key with a value.
    /// </summary>
    public static bool IsMeant(ReadOnlySpan<byte> text)
    {
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range].Trim(Blanks);
            if (!line.IsEmpty)
            {
                return line[0] == '#'
                    || (line[0] == '[' && line.Length > 1 && char.IsAsciiLetter((char)line[1]))
                    || (char.IsAsciiLetter((char)line[0]) && line.Contains((byte)'='));
            }
        }

        return false;
    }

    /// <summary>The lines that are neither blank nor comments.</summary>
    public static List<WgQuickLine> ReadAll(ReadOnlySpan<byte> text)
    {
        var lines = new List<WgQuickLine>();
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            var comment = line.IndexOf((byte)'#');
            line = comment < 0 ? line : line[..comment];
            if (!line.Trim(Blanks).IsEmpty)
            {
                lines.Add(Read(line, range.Start.Value));
            }
        }

        return lines;
    }

    /// <summary>The items of a value that is a list, with commas between; none if it is empty.</summary>
    public static List<Piece> Items(Piece value)
    {
        var items = new List<Piece>();
        if (value.Text.Length == 0)
        {
            return items;
        }

        var bytes = Encoding.UTF8.GetBytes(value.Text).AsSpan();
        foreach (var range in bytes.Split((byte)','))
        {
            items.Add(Trim(bytes[range], value.Offset + range.Start.Value));
        }

        return items;
    }

    private static WgQuickLine Read(ReadOnlySpan<byte> line, int offset)
    {
        var whole = Trim(line, offset);
        if (Typography.Find(line) is var at and >= 0)
        {
            return new WgQuickLine(null, whole, null)
            {
                Lookalike = new Piece(Typography.Describe(line[at..])!, offset + at),
            };
        }

        if (whole.Text.StartsWith('[') && whole.Text.EndsWith(']'))
        {
            return new WgQuickLine(new Piece(whole.Text[1..^1].Trim(), whole.Offset), whole, null);
        }

        var equals = line.IndexOf((byte)'=');
        return equals < 0
            ? new WgQuickLine(null, whole, null)
            : new WgQuickLine(null, Trim(line[..equals], offset), Trim(line[(equals + 1)..], offset + equals + 1));
    }

    private static Piece Trim(ReadOnlySpan<byte> piece, int offset)
    {
        var start = piece.Length - piece.TrimStart(Blanks).Length;
        return new Piece(Encoding.UTF8.GetString(piece.Trim(Blanks)), offset + start);
    }
}
