// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.Cli.Live;

/// <summary>Bars of a series of numbers, one column each, the newest at the right.</summary>
/// <param name="blocks">Draw with Unicode's block elements; else with ASCII.</param>
internal sealed class Graph(bool blocks)
{
    /// <summary>Heights that one character can show, above nothing.</summary>
    private const int Levels = 8;

    private const string Ascii = " .:-=+*#@";
    private const char FirstBlock = '\u2581';

    /// <summary>One row of bars: a sparkline.</summary>
    public string Line(ReadOnlySpan<double> values, int width) => Bars(values, width, rows: 1)[0];

    /// <summary>
    /// Rows of bars from the top down, each <paramref name="width"/> columns wide, scaled to the greatest value shown.
    /// </summary>
    /// <param name="values">
    /// The oldest first; as many of the newest are shown as there are columns. Not finite or negative counts as 0.
    /// </param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="rows">Rows, at least 1.</param>
    public string[] Bars(ReadOnlySpan<double> values, int width, int rows)
    {
        var shown = values.Length > width ? values[^width..] : values;
        var greatest = 0d;
        foreach (var value in shown)
        {
            greatest = Math.Max(greatest, Sane(value));
        }

        var lines = new string[rows];
        for (var row = 0; row < rows; row++)
        {
            var below = (rows - 1 - row) * Levels;
            var line = new StringBuilder(width).Append(' ', width - shown.Length);
            foreach (var value in shown)
            {
                line.Append(Character(Math.Clamp(Height(Sane(value), greatest, rows * Levels) - below, 0, Levels)));
            }

            lines[row] = line.ToString();
        }

        return lines;
    }

    private static double Sane(double value) => double.IsFinite(value) && value > 0 ? value : 0;

    /// <summary>Whatever is more than nothing is seen.</summary>
    private static int Height(double value, double greatest, int most) =>
        value <= 0 ? 0 : Math.Clamp((int)Math.Round(value / greatest * most), 1, most);

    private char Character(int level) =>
        (level, blocks) switch
        {
            (0, _) => ' ',
            (_, true) => (char)(FirstBlock + level - 1),
            (_, false) => Ascii[level],
        };
}
