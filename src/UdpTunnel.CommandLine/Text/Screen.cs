// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.CommandLine;

/// <summary>
/// Lines of at most <see cref="Columns"/> columns. Everything that a command shows to a person goes through here, and
/// everything is escaped here: a view cannot forget it.
/// </summary>
/// <param name="colour">Mark styles by ECMA-48 (SGR) sequences.</param>
/// <param name="columns">Columns of a line, at least 20.</param>
public sealed class Screen(bool colour, int columns = Screen.Width)
{
    /// <summary>Columns of a line where nobody asks the terminal: pipes, files and what they are read with.</summary>
    public const int Width = 80;

    private const int LabelWidth = 12;

    private readonly StringBuilder _text = new();
    private int _column;

    /// <summary>Columns of a line.</summary>
    public int Columns { get; } = columns;

    /// <summary>Continues the line; what does not fit in it is cut.</summary>
    public Screen Text(string text, Style style = Style.Plain)
    {
        var room = Columns - _column;
        if (room < 3)
        {
            return this;
        }

        Append(TerminalText.Fit(text, room), style);
        return this;
    }

    /// <summary>
    /// Continues the line with a text that fills <paramref name="width"/> columns, or is cut to as many.
    /// </summary>
    /// <param name="text">From anywhere.</param>
    /// <param name="width">At least 3.</param>
    /// <param name="style">Of the text; of the filling only <see cref="Style.Selected"/>.</param>
    /// <param name="right">Filled at the left, as numbers are.</param>
    public Screen Cell(string text, int width, Style style = Style.Plain, bool right = false)
    {
        width = Math.Min(width, Columns - _column);
        if (width < 3)
        {
            return this;
        }

        var fitting = TerminalText.Fit(text, width);
        var fill = new string(' ', width - TerminalText.Columns(fitting));
        var filling = style == Style.Selected ? style : Style.Plain;
        if (right)
        {
            Append(fill, filling);
        }

        Append(fitting, style);
        if (!right)
        {
            Append(fill, filling);
        }

        return this;
    }

    /// <summary>Ends the line.</summary>
    public Screen EndLine()
    {
        while (_text.Length > 0 && _text[^1] == ' ')
        {
            _text.Length--;
        }

        _text.Append('\n');
        _column = 0;
        return this;
    }

    /// <summary>A line of its own.</summary>
    public Screen Line(string text = "", Style style = Style.Plain) => Text(text, style).EndLine();

    /// <summary>Lines of their own, folded, each indented.</summary>
    public Screen Paragraph(string text, int indent = 0, Style style = Style.Plain)
    {
        foreach (var line in TerminalText.Wrap(text, Columns - indent))
        {
            Append(new string(' ', indent), Style.Plain);
            Append(line, style);
            EndLine();
        }

        return this;
    }

    /// <summary>An indented label and its value, folded beside it.</summary>
    public Screen Field(string label, string value, Style style = Style.Plain) =>
        Hanging($"  {label}", LabelWidth, value, style);

    /// <summary>A label that fills <paramref name="width"/> columns and a text folded beside it.</summary>
    public Screen Hanging(string label, int width, string text, Style style = Style.Plain)
    {
        var first = true;
        foreach (var line in TerminalText.Wrap(text, Columns - width))
        {
            Cell(first ? label : "", width);
            Append(line, style);
            EndLine();
            first = false;
        }

        return this;
    }

    /// <summary>Lines of another screen, as they are.</summary>
    /// <param name="other">Not wider than this one.</param>
    /// <param name="skipped">Its lines that are left out at the top.</param>
    /// <param name="most">Lines that are taken at the most.</param>
    public Screen Lines(Screen other, int skipped, int most)
    {
        foreach (var line in other.Lines().Skip(skipped).Take(most))
        {
            _text.Append(line).Append('\n');
        }

        return this;
    }

    /// <summary>The lines that have been ended, without their ends.</summary>
    public IReadOnlyList<string> Lines() => _text.Length == 0 ? [] : _text.ToString(0, _text.Length - 1).Split('\n');

    /// <summary>All lines, each with its end.</summary>
    public override string ToString() => _text.ToString();

    private void Append(string escaped, Style style)
    {
        var code = colour ? Code(style) : null;
        if (code is not null && escaped.Length > 0)
        {
            _text.Append("\x1b[").Append(code).Append('m').Append(escaped).Append("\x1b[0m");
        }
        else
        {
            _text.Append(escaped);
        }

        _column += TerminalText.Columns(escaped);
    }

    private static string? Code(Style style) =>
        style switch
        {
            Style.Strong => "1",
            Style.Good => "32",
            Style.Warning => "33",
            Style.Bad => "31",
            Style.Selected => "7",
            _ => null,
        };
}
