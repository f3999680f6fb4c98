// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using UdpTunnel.Cli.Linux;

namespace UdpTunnel.Cli.Live;

/// <summary>
/// The process's terminal, taken over: the alternate screen for what is shown, keys one by one without echo. Given back
/// when disposed of, and also while the process is stopped (Ctrl-Z); taken again when it goes on. Signals that end a
/// process are not handled here but by whoever waits for them, who then disposes of this.
/// </summary>
internal sealed class LiveTerminal : ITerminal
{
    private const int Input = 0;
    private const int Output = 1;

    /// <summary>A key's sequence arrives whole, save on a slow line: 16 bytes at 9600 baud take 17 ms.</summary>
    private static readonly TimeSpan SequenceTimeout = TimeSpan.FromMilliseconds(100);

    private readonly LiveScreen _screen;
    private readonly Action _redraw;
    private readonly bool _keepLast;
    private readonly TerminalMode? _before;
    private readonly PosixSignalRegistration[] _signals;
    private readonly Lock _parsing = new();
    private readonly KeyParser _parser;
    private readonly Timer _flush;
    private Screen? _last;
    private volatile bool _disposed;

    /// <summary>Takes the terminal.</summary>
    /// <param name="output">Writes to it.</param>
    /// <param name="readsKeys">Standard input is the terminal too.</param>
    /// <param name="keepLast">Leave the last view on the ordinary screen.</param>
    /// <param name="press">Takes each key, on any thread.</param>
    /// <param name="redraw">
    /// The size has changed, or the terminal shows something else: show the view again. On any thread.
    /// </param>
    public LiveTerminal(TextWriter output, bool readsKeys, bool keepLast, Action<KeyPress> press, Action redraw)
    {
        _screen = new LiveScreen(output);
        _redraw = redraw;
        _keepLast = keepLast;
        _parser = new KeyParser(press);
        _flush = new Timer(_ => Flush());
        _before = readsKeys ? Terminal.Mode(Input) : null;
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Refresh()),
            PosixSignalRegistration.Create(PosixSignal.SIGCONT, context =>
            {
                // The runtime would put the terminal back into the mode that it found.
                context.Cancel = true;
                Take();
            }),
            PosixSignalRegistration.Create(PosixSignal.SIGTSTP, context =>
            {
                context.Cancel = true;
                GiveBack(last: null);
                Terminal.StopProcess();
            }),
        ];
        Take();
        if (_before is not null)
        {
            new Thread(() => ReadKeys(press)) { IsBackground = true, Name = "keys" }.Start();
        }
    }

    /// <inheritdoc/>
    public TerminalSize Size
    {
        get
        {
            var (columns, rows) = Terminal.Size(Output);
            return new TerminalSize(columns, rows);
        }
    }

    /// <inheritdoc/>
    public void Show(Screen screen)
    {
        _last = screen;
        _screen.Show(screen, Size);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _flush.Dispose();
        GiveBack(_keepLast ? _last : null);
    }

    private void Take()
    {
        if (_disposed)
        {
            return;
        }

        if (_before is { } mode)
        {
            Terminal.Set(Input, mode.KeyByKey());
        }

        _screen.Enter();
        _redraw();
    }

    private void GiveBack(Screen? last)
    {
        try
        {
            _screen.Leave(last);
        }
        catch (IOException)
        {
            // The terminal is gone, and so is what would have to be restored.
        }

        if (_before is { } mode)
        {
            Terminal.Set(Input, mode);
        }
    }

    private void Refresh()
    {
        _screen.Invalidate();
        _redraw();
    }

    private void ReadKeys(Action<KeyPress> press)
    {
        try
        {
            // The console's own stream would take over the terminal's mode.
            using var keys = new FileStream(
                new SafeFileHandle(Input, ownsHandle: false),
                FileAccess.Read,
                bufferSize: 0
            );
            var buffer = new byte[64];
            while (keys.Read(buffer) is > 0 and var length)
            {
                lock (_parsing)
                {
                    _parser.Read(buffer.AsSpan(0, length));
                    _flush.Change(
                        _parser.IsPending ? SequenceTimeout : Timeout.InfiniteTimeSpan,
                        Timeout.InfiniteTimeSpan
                    );
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // EIO: the line was hung up.
        }

        press(new KeyPress(Key.Hangup));
    }

    private void Flush()
    {
        lock (_parsing)
        {
            _parser.Flush();
        }
    }
}
