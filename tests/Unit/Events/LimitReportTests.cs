// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Events;

namespace UdpTunnel.Tests.Events;

public sealed class LimitReportTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly EventLog _log;
    private readonly LimitReport _report;

    public LimitReportTests()
    {
        _log = new EventLog(_time, NullLogger<EventLog>.Instance);
        _report = new LimitReport(_log, _time, "home");
    }

    [Fact]
    public void A_bound_is_told_at_once_with_its_name()
    {
        _report.Hit(Limit.Streams, "full");

        var e = Assert.Single(_log.After(0));
        Assert.Equal(
            (EventKind.LimitReached, EventLevel.Warning, "home", Limit.Streams, "full (1 so far)"),
            (e.Kind, e.Level, e.Tunnel, e.Limit, e.Message)
        );
    }

    [Fact]
    public void While_it_goes_on_it_is_told_once_a_minute_with_how_often_it_was()
    {
        for (var i = 0; i < 100 * 1000; i++)
        {
            _report.Hit(Limit.Streams, "full");
            if (i % 1000 == 999)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
            }
        }

        Assert.Equal(["full (1 so far)", "full (60,001 so far)"], _log.After(0).Select(e => e.Message));
    }

    [Fact]
    public void Bounds_do_not_wait_for_each_other()
    {
        _report.Hit(Limit.Streams, "streams");
        _report.Hit(Limit.Tunnels, "tunnels");

        Assert.Equal([Limit.Streams, Limit.Tunnels], _log.After(0).Select(e => e.Limit));
    }

    [Fact]
    public void A_counter_that_stands_still_tells_nothing_and_one_that_grew_meanwhile_is_told_after_the_minute()
    {
        _report.Look(Limit.Flows, 5, "flows");
        _report.Look(Limit.Flows, 7, "flows");
        _time.Advance(LimitReport.Interval);
        _report.Look(Limit.Flows, 7, "flows");
        _time.Advance(LimitReport.Interval);
        _report.Look(Limit.Flows, 7, "flows");

        Assert.Equal(["flows (5 so far)", "flows (7 so far)"], _log.After(0).Select(e => e.Message));
    }

    [Fact]
    public void What_was_never_hit_is_not_told()
    {
        _report.Look(Limit.Flows, 0, "flows");

        Assert.Empty(_log.After(0));
    }
}
