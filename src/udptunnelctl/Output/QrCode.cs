// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using QRCoder;

namespace UdpTunnel.Cli.Output;

/// <summary>A QR code in characters: two modules a character, one above the other.</summary>
internal static class QrCode
{
    // Modules of light around it. The standard has 4 (ISO/IEC 18004); with 2, which every app reads, the longest file
    // still fits 80 columns.
    private const int Quiet = 2;

    // Black on white, whatever the terminal has otherwise: apps read the inverse badly.
    private const string BlackOnWhite = "\e[38;5;16;48;5;231m";
    private const string Reset = "\e[0m";

    /// <summary>Draws a text.</summary>
    /// <param name="text">What a reader gets.</param>
    /// <param name="colour">
    /// Whether colours are set; else light modules are drawn, which is right where text is light on dark.
    /// </param>
    public static string Draw(string text, bool colour)
    {
        using var generator = new QRCodeGenerator();
        using var data = generator.CreateQrCode(text, QRCodeGenerator.ECCLevel.L, forceUtf8: true);

        // The library's matrix has a margin of its own.
        var size = data.ModuleMatrix.Count;
        var margin = 0;
        while (margin < size / 2 && IsLight(margin))
        {
            margin++;
        }

        var first = margin - Quiet;
        var last = size - margin + Quiet;
        var drawing = new StringBuilder();
        for (var row = first; row < last; row += 2)
        {
            drawing.Append(colour ? BlackOnWhite : "");
            for (var column = first; column < last; column++)
            {
                var upper = IsDark(row, column);
                var lower = row + 1 < last && IsDark(row + 1, column);
                drawing.Append(Block(colour ? upper : !upper, colour ? lower : !lower));
            }

            drawing.Append(colour ? Reset : "").Append('\n');
        }

        return drawing.ToString();

        bool IsDark(int row, int column) =>
            row >= 0 && column >= 0 && row < size && column < size && data.ModuleMatrix[row][column];

        bool IsLight(int row) => !Enumerable.Range(0, size).Any(column => data.ModuleMatrix[row][column]);
    }

    /// <summary>A file without what a reader does not need, so that the code has fewer modules.</summary>
    public static string Shorten(string file) =>
        string.Join(
            '\n',
            file.Split('\n')
                .Where(line => line.Length > 0 && line[0] != '#')
                .Select(line => line.Replace(" = ", "=", StringComparison.Ordinal))
        );

    private static char Block(bool upper, bool lower) =>
        (upper, lower) switch
        {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            _ => ' ',
        };
}
