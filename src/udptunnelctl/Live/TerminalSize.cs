// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>Columns and rows of a terminal, at least 20 and 5: in less nothing can be read.</summary>
internal readonly record struct TerminalSize
{
    /// <summary>What a terminal has that does not say: a VT100's.</summary>
    public static readonly TerminalSize Default = new(80, 24);

    /// <summary>As the terminal says; 0 where it does not know, which a serial line does not.</summary>
    public TerminalSize(int columns, int rows)
    {
        Columns = columns > 0 ? Math.Max(columns, 20) : 80;
        Rows = rows > 0 ? Math.Max(rows, 5) : 24;
    }

    /// <summary>Characters in a row.</summary>
    public int Columns { get; }

    /// <summary>Rows.</summary>
    public int Rows { get; }
}
