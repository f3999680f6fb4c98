// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Cli.Live;

/// <summary>
/// A view that is drawn again and again, on the terminal's alternate screen (xterm private mode 1049), so that what
/// stood there before comes back. Remembers what each row shows and writes only rows that change, which neither
/// flickers nor fills a serial line.
/// </summary>
/// <param name="output">The terminal.</param>
internal sealed class LiveScreen(TextWriter output)
{
    private const string EnterAlternate = "\x1b[?1049h\x1b[?25l";
    private const string LeaveAlternate = "\x1b[?25h\x1b[?1049l";
    private const string ClearAll = "\x1b[H\x1b[J";
    private const string ClearRow = "\x1b[K";

    // Input, output and signals have threads of their own.
    private readonly Lock _lock = new();
    private readonly List<string> _shown = [];
    private bool _taken;

    /// <summary>Takes the terminal, or takes it again after it was given back.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            if (!_taken)
            {
                output.Write(EnterAlternate);
                _taken = true;
            }

            Forget();
        }
    }

    /// <summary>The next view is drawn in full: the terminal may show anything now.</summary>
    public void Invalidate()
    {
        lock (_lock)
        {
            Forget();
        }
    }

    /// <summary>Draws a view; does nothing while the terminal is given back.</summary>
    public void Show(Screen screen, TerminalSize size)
    {
        var lines = screen.Lines();
        lock (_lock)
        {
            if (!_taken)
            {
                return;
            }

            if (_shown.Count == 0)
            {
                output.Write(ClearAll);
            }

            var rows = Math.Min(size.Rows, Math.Max(lines.Count, _shown.Count));
            for (var row = 0; row < rows; row++)
            {
                Draw(row, row < lines.Count ? lines[row] : "");
            }

            output.Flush();
        }
    }

    /// <summary>Gives the terminal back, and leaves a last view on it, if there is one, as ordinary output.</summary>
    public void Leave(Screen? last = null)
    {
        lock (_lock)
        {
            if (!_taken)
            {
                return;
            }

            _taken = false;

            // A terminal without an alternate screen would show the shell's prompt amid the view.
            output.Write(ClearAll);
            output.Write(LeaveAlternate);
            output.Write(last?.ToString());
            output.Flush();
        }
    }

    private void Draw(int row, string line)
    {
        if (row < _shown.Count && _shown[row] == line)
        {
            return;
        }

        // Cleared first: after a full row the cursor waits on the last column, and clearing would take what stands
        // there.
        output.Write(string.Create(CultureInfo.InvariantCulture, $"\x1b[{row + 1};1H{ClearRow}{line}"));
        if (row < _shown.Count)
        {
            _shown[row] = line;
        }
        else
        {
            _shown.Add(line);
        }
    }

    private void Forget() => _shown.Clear();
}
