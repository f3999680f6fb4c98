// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Events;

namespace UdpTunnel.Tests.Events;

public sealed class EventLogTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly EventLog _log;

    public EventLogTests()
    {
        _log = new EventLog(_time, NullLogger<EventLog>.Instance);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void An_event_is_kept_as_it_was_told()
    {
        Assert.Empty(_log.After(0));

        _log.Add(EventKind.PeerMoved, EventLevel.Warning, "home", "moved");

        Assert.Equal(
            [
                new Event(
                    1,
                    _time.GetUtcNow(),
                    EventKind.PeerMoved,
                    EventLevel.Warning,
                    "home",
                    "moved",
                    Limit.None,
                    EventFacts.None
                ),
            ],
            _log.After(0)
        );
    }

    [Fact]
    public void Only_the_newest_are_kept_in_order_and_without_gaps()
    {
        for (var i = 1; i <= (3 * EventLog.Capacity) + 7; i++)
        {
            Add(i);
            var newest = (ulong)i;
            Assert.Equal([newest], _log.After(newest - 1).Select(e => e.Sequence));
            Assert.Empty(_log.After(newest));
        }

        var first = (2 * EventLog.Capacity) + 8;
        Assert.Equal(
            Enumerable.Range(first, EventLog.Capacity).Select(i => ((ulong)i, $"{i}")),
            _log.After(0).Select(e => (e.Sequence, e.Message))
        );
        Assert.Equal(_log.After(0), _log.After((ulong)first - 1));
        Assert.Equal(_log.After(0).Skip(10), _log.After((ulong)first + 9));
        Assert.Empty(_log.After(ulong.MaxValue - 1));
    }

    [Fact]
    public void What_is_repeated_pushes_out_nothing_but_its_like()
    {
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            _log.Add(kind, EventLevel.Warning, "home", "first of its kind");
        }

        // Those of operators are not bounded otherwise.
        for (var i = 0; i < 10 * EventLog.Capacity; i++)
        {
            Add(i);
        }

        Assert.Equal(
            Enum.GetValues<EventKind>().Where(k => k != EventKind.Reloaded),
            _log.After(0)
                .Where(e => e.Message == "first of its kind")
                .Select(e => e.Kind)
                .Where(k => k != EventKind.Reloaded)
                .Order()
        );
    }

    [Fact]
    public void Of_one_kind_a_busy_tunnel_pushes_out_no_other_s_events()
    {
        _log.Add(EventKind.Reloaded, EventLevel.Info, "quiet", "");
        for (var i = 0; i < 10 * EventLog.Capacity; i++)
        {
            _log.Add(EventKind.Reloaded, EventLevel.Info, "busy", $"{i}");
        }

        var kept = _log.After(0);
        Assert.Equal(EventLog.Capacity, kept.Count);
        Assert.Equal("quiet", kept[0].Tunnel);
        Assert.Equal(kept.OrderBy(e => e.Sequence), kept);
    }

    [Fact]
    public void What_others_bring_about_is_told_in_a_burst_and_then_once_a_minute_with_the_number_of_those_left_out()
    {
        foreach (
            var kind in (EventKind[])
                [EventKind.SenderPending, EventKind.RelayConnected, EventKind.SenderApproved, EventKind.PeerMoved]
        )
        {
            var log = new EventLog(_time, NullLogger<EventLog>.Instance);
            for (var i = 1; i <= 1000; i++)
            {
                log.Add(kind, EventLevel.Info, "dns", $"{i}");
            }

            log.Add(kind, EventLevel.Info, "other", "another's");
            Assert.Equal(
                [.. Enumerable.Range(1, 20).Select(i => $"{i}"), "another's"],
                log.After(0).Select(e => e.Message)
            );
            Assert.Equal(1001, log.Count(kind));

            _time.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal("1000 (and 979 more like it, which were left out)", log.After(0)[^1].Message);
            _time.Advance(TimeSpan.FromMinutes(10));
            Assert.Equal(22, log.After(0).Count);
        }
    }

    [Fact]
    public async Task Who_waits_gets_what_is_there_at_once_and_else_what_comes()
    {
        Add(1);
        Assert.Equal([1ul], (await _log.WaitAfterAsync(0, Cancellation)).Select(e => e.Sequence));

        var waits = Enumerable.Range(0, 10).Select(_ => _log.WaitAfterAsync(1, Cancellation)).ToList();
        Assert.All(waits, w => Assert.False(w.IsCompleted));
        Add(2);

        foreach (var events in await Task.WhenAll(waits))
        {
            Assert.Equal([2ul], events.Select(e => e.Sequence));
        }
    }

    [Fact]
    public async Task A_wait_can_be_given_up_and_hinders_nobody()
    {
        using var stop = new CancellationTokenSource();
        var given = _log.WaitAfterAsync(0, stop.Token);
        var patient = _log.WaitAfterAsync(0, Cancellation);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        Add(1);
        Assert.Single(await patient);
    }

    [Fact]
    public async Task Watchers_of_many_writers_see_every_event_once_and_in_order()
    {
        const int Writers = 4;
        const int Each = EventLog.Capacity / Writers;
        var watchers = Enumerable.Range(0, 4).Select(_ => Task.Run(WatchAsync, Cancellation)).ToList();

        await Task.WhenAll(
            Enumerable
                .Range(0, Writers)
                .Select(_ =>
                    Task.Run(
                        () =>
                        {
                            for (var i = 0; i < Each; i++)
                            {
                                Add(i);
                            }
                        },
                        Cancellation
                    )
                )
        );

        foreach (var seen in await Task.WhenAll(watchers))
        {
            Assert.Equal(Enumerable.Range(1, Writers * Each).Select(i => (ulong)i), seen);
        }

        async Task<List<ulong>> WatchAsync()
        {
            var seen = new List<ulong>();
            while (seen.Count < Writers * Each)
            {
                seen.AddRange(
                    (await _log.WaitAfterAsync(seen.Count > 0 ? seen[^1] : 0, Cancellation)).Select(e => e.Sequence)
                );
            }

            return seen;
        }
    }

    [Fact]
    public void A_slow_watcher_sees_the_gap_in_the_sequence()
    {
        Add(1);
        var last = _log.After(0)[^1].Sequence;
        for (var i = 0; i < EventLog.Capacity + 5; i++)
        {
            Add(i);
        }

        Assert.Equal(last + 6, _log.After(last)[0].Sequence);
    }

    private void Add(int number) => _log.Add(EventKind.Reloaded, EventLevel.Info, "", $"{number}");
}
