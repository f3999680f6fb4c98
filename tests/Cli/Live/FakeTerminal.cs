// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Diagnostics;
using UdpTunnel.Cli.Live;

namespace UdpTunnel.Tests.Cli.Live;

/// <summary>A terminal whose keys the test presses, and which remembers every view.</summary>
internal sealed class FakeTerminal : ITerminal
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Action<KeyPress>? _press;

    /// <summary>Every view, in the order of time.</summary>
    public ConcurrentQueue<string> Views { get; } = new();

    public TerminalSize Size { get; set; } = TerminalSize.Default;

    public bool KeepsLast { get; private set; }

    public bool IsGivenBack { get; private set; }

    public ITerminal Take(Action<KeyPress> press, Action redraw, bool keepLast)
    {
        _press = press;
        KeepsLast = keepLast;
        return this;
    }

    public void Show(Screen screen) => Views.Enqueue(screen.ToString());

    public void Press(params IEnumerable<char> characters)
    {
        foreach (var character in characters)
        {
            _press!(KeyPress.Of(character));
        }
    }

    public void Press(Key key) => _press!(new KeyPress(key));

    /// <summary>Until a view contains the text; fails with the last one if none does.</summary>
    public async Task SeenAsync(string text)
    {
        var clock = Stopwatch.StartNew();
        while (!Views.Any(v => v.Contains(text, StringComparison.Ordinal)))
        {
            Assert.True(clock.Elapsed < Patience, $"'{text}' is not in\n{Views.LastOrDefault()}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Until the view has lost it, so that it is not in the last one either.</summary>
    public async Task GoneAsync(string text)
    {
        var clock = Stopwatch.StartNew();
        while (Views.LastOrDefault()?.Contains(text, StringComparison.Ordinal) != false)
        {
            Assert.True(clock.Elapsed < Patience, $"'{text}' is still in\n{Views.LastOrDefault()}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    public void Dispose() => IsGivenBack = true;
}
