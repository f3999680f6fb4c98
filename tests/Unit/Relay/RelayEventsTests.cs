using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Events;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

/// <summary>A peer that does something again and again fills no log.</summary>
public sealed class RelayEventsTests
{
    private readonly EventLog _log = new(TimeProvider.System, NullLogger<EventLog>.Instance);

    [Fact]
    public void After_a_burst_one_a_minute_is_told_with_the_number_of_those_left_out()
    {
        var events = new RelayEvents(_log, "relay");
        for (var second = 0; second < 600; second++)
        {
            events.RaiseOfPeer(EventKind.SenderApproved, EventLevel.Info, "let in", second * 1000L);
        }

        var told = _log.After(0);
        Assert.Equal(RelayEvents.Burst + 9, told.Count);
        Assert.Equal("let in", told[0].Message);
        Assert.Equal("let in (52 more like it were left out)", told[RelayEvents.Burst].Message);
        Assert.Equal("let in (59 more like it were left out)", told[^1].Message);
    }

    [Fact]
    public void One_kind_takes_nothing_from_another_and_users_are_always_told()
    {
        var events = new RelayEvents(_log, "relay");
        for (var i = 0; i < 100; i++)
        {
            events.RaiseOfPeer(EventKind.SenderApproved, EventLevel.Info, "let in", 0);
            events.Raise(EventKind.SenderDenied, EventLevel.Info, "denied");
        }

        events.RaiseOfPeer(EventKind.SenderGone, EventLevel.Info, "gone", 0);

        Assert.Equal(
            [(EventKind.SenderApproved, RelayEvents.Burst), (EventKind.SenderDenied, 100), (EventKind.SenderGone, 1)],
            _log.After(0).CountBy(e => e.Kind).Select(c => (c.Key, c.Value)).OrderBy(c => c.Key));
    }

    [Fact]
    public void After_a_rest_there_is_a_burst_again()
    {
        var events = new RelayEvents(_log, "relay");
        for (var i = 0; i < 200; i++)
        {
            var now = i < 100 ? 0 : RelayEvents.Burst * RelayEvents.Interval;
            events.RaiseOfPeer(EventKind.SenderGone, EventLevel.Info, "gone", now);
        }

        Assert.Equal(2 * RelayEvents.Burst, _log.After(0).Count);
    }
}
