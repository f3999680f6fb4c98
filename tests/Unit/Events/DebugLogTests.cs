// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Events;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Unit.Events;

public sealed class DebugLogTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _lines = new();
    private readonly DebugLog _log;
    private int _made;

    public DebugLogTests() => _log = new DebugLog(_time, _lines);

    [Fact]
    public void Nothing_is_written_and_no_text_is_made_unless_somebody_wants_it()
    {
        _log.Write("home", $"text {Made()}");
        Assert.Empty(_lines.Texts);
        Assert.Equal(0, _made);

        _log.Enable(TimeSpan.FromMinutes(1));
        _log.Write("home", $"text {Made()}");
        _log.Write("", $"text {Made()}");

        Assert.Equal(["home: text 1", "text 2"], _lines.Texts.Skip(1));
    }

    [Fact]
    public void It_ends_by_itself_and_says_so()
    {
        _log.Enable(TimeSpan.FromMinutes(10));
        Assert.Equal(_time.GetUtcNow().AddMinutes(10), _log.Until);
        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.True(_log.IsOn);

        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.False(_log.IsOn);
        Assert.Null(_log.Until);
        Assert.Equal("debug messages are no longer written", _lines.Texts[^1]);
    }

    [Fact]
    public void Who_asks_again_gets_the_whole_time_again()
    {
        _log.Enable(TimeSpan.FromMinutes(10));
        _time.Advance(TimeSpan.FromMinutes(9));
        _log.Enable(TimeSpan.FromMinutes(10));

        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.True(_log.IsOn);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(_log.IsOn);
    }

    [Fact]
    public void It_ends_at_once_where_somebody_says_so_and_only_once()
    {
        _log.Enable(TimeSpan.FromMinutes(10));

        _log.Disable();
        _log.Disable();
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(2, _lines.Texts.Count);
    }

    [Fact]
    public void A_flood_is_bounded_for_each_second_and_what_was_left_out_is_told()
    {
        _log.Enable(TimeSpan.FromMinutes(10));
        for (var i = 0; i < 100_000; i++)
        {
            _log.Write("home", $"{i}");
        }

        Assert.Equal(1 + DebugLog.MostPerSecond, _lines.Texts.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        _log.Write("home", "next");

        Assert.Equal(
            ["99900 debug messages were left out: more than 100 a second", "home: next"],
            _lines.Texts.TakeLast(2)
        );
    }

    [Fact]
    public void A_worker_s_notes_are_bounded_and_written_later()
    {
        var notes = new WorkerNotes(_log, "home");
        Assert.False(notes.AreWanted);
        _log.Enable(TimeSpan.FromMinutes(10));
        Assert.True(notes.AreWanted);
        for (var i = 0; i < WorkerNotes.Most + 5; i++)
        {
            notes.Add($"{i}");
        }

        Assert.Single(_lines.Texts);
        notes.Write();

        Assert.Equal("home: 0", _lines.Texts[1]);
        Assert.Equal("home: 5 more of that in the last second", _lines.Texts[^1]);
        Assert.Equal(1 + WorkerNotes.Most + 1, _lines.Texts.Count);
    }

    private int Made() => ++_made;

    private sealed class Lines : ILogger
    {
        public List<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Texts.Add(formatter(state, exception));
    }
}
