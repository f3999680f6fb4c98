namespace UdpTunnel.Cli.Output;

/// <summary>
/// A view that is drawn again and again, on the terminal's alternate screen (xterm private mode 1049), so that what stood there
/// before comes back. Disposing restores the terminal and leaves the last view on the ordinary screen.
/// </summary>
internal sealed class LiveScreen : IDisposable
{
    private const string Enter = "\x1b[?1049h\x1b[?25l";
    private const string Leave = "\x1b[?25h\x1b[?1049l";
    private const string Home = "\x1b[H";
    private const string ClearToEndOfLine = "\x1b[K";
    private const string ClearBelow = "\x1b[J";

    private readonly TextWriter _output;
    private readonly Func<int> _rows;
    private string _last = "";

    /// <summary>Takes the terminal.</summary>
    public LiveScreen(TextWriter output, Func<int> rows)
    {
        _output = output;
        _rows = rows;
        _output.Write(Enter);
    }

    /// <summary>Draws over the last view without clearing first, which would flicker. What is below the last row is not shown.</summary>
    public void Show(Screen screen)
    {
        _last = screen.ToString();
        var lines = _last.TrimEnd('\n').Split('\n');
        var rows = _rows();
        var shown = rows > 0 && lines.Length > rows ? rows : lines.Length;
        _output.Write(Home);
        for (var i = 0; i < shown; i++)
        {
            _output.Write(lines[i]);
            _output.Write(ClearToEndOfLine);

            // A line feed after the last row would scroll the first one away.
            if (i < shown - 1)
            {
                _output.Write("\r\n");
            }
        }

        _output.Write(ClearBelow);
        _output.Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _output.Write(Leave);
        _output.Write(_last);
        _output.Flush();
    }
}
