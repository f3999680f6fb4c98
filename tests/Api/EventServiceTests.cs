// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

public sealed class EventServiceTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private EventService.EventServiceClient Client => fixture.Channel.Events;

    private TunnelService.TunnelServiceClient Tunnels => fixture.Channel.Tunnels;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_are_listed_in_order_without_gaps()
    {
        var events = await ListAsync();

        Assert.Equal(
            Enumerable.Range(0, events.Count).Select(i => events[0].Sequence + (ulong)i),
            events.Select(e => e.Sequence)
        );
        Assert.Equal(events.OrderBy(e => e.Time.ToDateTimeOffset()), events);
        Assert.All(events, e =>
        {
            Assert.NotEqual(EventKind.Unspecified, e.Kind);
            Assert.NotEqual(EventLevel.Unspecified, e.Level);
            Assert.NotEmpty(e.Message);
            Assert.InRange(
                DateTimeOffset.UtcNow - e.Time.ToDateTimeOffset(),
                TimeSpan.FromSeconds(-1),
                TimeSpan.FromMinutes(2)
            );
        });
    }

    [Fact]
    public async Task The_first_event_says_that_the_daemon_is_ready()
    {
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup());

        var events = (
            await daemon.Channel.Events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation)
        ).Events;

        Assert.Equal(EventKind.DaemonStarted, events[0].Kind);
    }

    [Fact]
    public async Task A_watch_begins_with_what_is_remembered()
    {
        var remembered = await ListAsync();
        using var call = Client.WatchEvents(new WatchEventsRequest(), cancellationToken: Cancellation);

        Assert.True(await call.ResponseStream.MoveNext(Cancellation));

        Assert.Equal(remembered, call.ResponseStream.Current.Events.Take(remembered.Count));
    }

    [Fact]
    public async Task A_watch_of_a_tunnel_that_is_not_there_begins_empty_and_shows_only_that_tunnel()
    {
        Requirements.Tun();
        using var call = Client.WatchEvents(
            new WatchEventsRequest { Tunnel = "later" },
            cancellationToken: Cancellation
        );
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Empty(call.ResponseStream.Current.Events);

        await StartAndStopAsync("other", 1);
        await StartAndStopAsync("later", 2);

        var seen = new List<Event>();
        while (seen.Count < 2 && await call.ResponseStream.MoveNext(Cancellation))
        {
            seen.AddRange(call.ResponseStream.Current.Events);
        }

        Assert.Equal([EventKind.TunnelStarted, EventKind.TunnelStopped], seen.Select(e => e.Kind));
        Assert.All(seen, e => Assert.Equal("later", e.Tunnel));
        Assert.Equal(seen, await ListAsync("later"));
        Assert.Empty(await ListAsync("nobody"));
    }

    [Fact]
    public async Task A_flood_of_events_keeps_the_newest_and_a_watcher_sees_each_at_most_once()
    {
        Requirements.Tun();

        // One of its own: it pushes out what the other tests look for.
        await using var daemon = await DaemonProcess.StartAsync();
        var tunnels = daemon.Channel.Tunnels;
        using var call = daemon.Channel.Events.WatchEvents(new WatchEventsRequest(), cancellationToken: Cancellation);
        var request = Configurations.Start("flood", 1);
        request.Ephemeral = true;
        await tunnels.StartTunnelAsync(request, cancellationToken: Cancellation);
        for (var i = 0; i < 600; i++)
        {
            await tunnels.UpdatePortsAsync(Allow(9000), cancellationToken: Cancellation);
            await tunnels.UpdatePortsAsync(Deny(9000), cancellationToken: Cancellation);
        }

        await tunnels.StopTunnelAsync(new StopTunnelRequest { Name = "flood" }, cancellationToken: Cancellation);

        var events = (
            await daemon.Channel.Events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation)
        ).Events;
        Assert.Equal(128, events.Count(e => e.Kind == EventKind.Reloaded));
        Assert.Equal(EventKind.TunnelStopped, events[^1].Kind);
        var seen = new List<ulong>();
        while ((seen.Count == 0 || seen[^1] < events[^1].Sequence) && await call.ResponseStream.MoveNext(Cancellation))
        {
            seen.AddRange(call.ResponseStream.Current.Events.Select(e => e.Sequence));
        }

        Assert.Equal(seen.Order().Distinct(), seen);

        // What is repeated pushes out nothing but its like.
        Assert.Contains(events, e => e.Kind == EventKind.TunnelStarted);
    }

    [Fact]
    public async Task A_watch_ends_when_its_client_cancels_it()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var call = Client.WatchEvents(new WatchEventsRequest(), cancellationToken: stop.Token);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));

        await stop.CancelAsync();

        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    [Fact]
    public async Task A_watch_goes_on_after_the_event_that_its_client_saw_last()
    {
        var all = await Client.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation);
        var seen = all.Events[^1].Sequence;
        using var call = Client.WatchEvents(
            new WatchEventsRequest { AfterSequence = seen, BootId = all.BootId },
            cancellationToken: Cancellation
        );

        Assert.True(await call.ResponseStream.MoveNext(Cancellation));

        Assert.All(call.ResponseStream.Current.Events, e => Assert.True(e.Sequence > seen));
        Assert.Equal((all.BootId, 0ul), (call.ResponseStream.Current.BootId, call.ResponseStream.Current.Forgotten));
        var rest = await Client.ListEventsAsync(
            new ListEventsRequest { AfterSequence = seen - 1, BootId = all.BootId },
            cancellationToken: Cancellation
        );
        Assert.Equal(all.Events[^1], rest.Events[0]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    public async Task An_event_of_another_start_of_the_daemon_counts_for_nothing(string bootId)
    {
        var all = await Client.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation);

        var again = await Client.ListEventsAsync(
            new ListEventsRequest { AfterSequence = all.Events[^1].Sequence, BootId = bootId },
            cancellationToken: Cancellation
        );

        Assert.Equal(all.Events[0], again.Events[0]);
        Assert.Equal(36, again.BootId.Length);
    }

    [Fact]
    public async Task A_number_that_is_still_to_come_means_the_newest_event()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        var events = daemon.Channel.Events;
        var all = await events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation);
        using var call = events.WatchEvents(
            new WatchEventsRequest { AfterSequence = ulong.MaxValue, BootId = all.BootId },
            cancellationToken: Cancellation
        );
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Empty(call.ResponseStream.Current.Events);

        await daemon.Channel.Tunnels.StartTunnelAsync(Configurations.Start("next", 1), cancellationToken: Cancellation);

        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(EventKind.TunnelStarted, call.ResponseStream.Current.Events[0].Kind);
    }

    [Fact]
    public async Task A_client_chooses_kinds_and_the_least_level()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        var tunnels = daemon.Channel.Tunnels;
        await tunnels.StartTunnelAsync(Configurations.Start("flood", 1), cancellationToken: Cancellation);
        await tunnels.UpdatePortsAsync(Allow(9000), cancellationToken: Cancellation);
        await tunnels.StopTunnelAsync(new StopTunnelRequest { Name = "flood" }, cancellationToken: Cancellation);
        var events = daemon.Channel.Events;

        var chosen = await events.ListEventsAsync(
            new ListEventsRequest { Kinds = { EventKind.TunnelStarted, EventKind.Reloaded } },
            cancellationToken: Cancellation
        );
        var grave = await events.ListEventsAsync(
            new ListEventsRequest { MinLevel = EventLevel.Warning },
            cancellationToken: Cancellation
        );

        Assert.Equal([EventKind.TunnelStarted, EventKind.Reloaded], chosen.Events.Select(e => e.Kind));
        Assert.Equal(["AllowedPorts"], chosen.Events[1].Fields);
        Assert.DoesNotContain(grave.Events, e => e.Level < EventLevel.Warning);
    }

    [Fact]
    public async Task Who_was_away_for_long_is_told_how_many_events_are_forgotten()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        var tunnels = daemon.Channel.Tunnels;
        var request = Configurations.Start("flood", 1);
        request.Ephemeral = true;
        await tunnels.StartTunnelAsync(request, cancellationToken: Cancellation);
        for (var i = 0; i < 100; i++)
        {
            await tunnels.UpdatePortsAsync(Allow(9000), cancellationToken: Cancellation);
            await tunnels.UpdatePortsAsync(Deny(9000), cancellationToken: Cancellation);
        }

        var events = await daemon.Channel.Events.ListEventsAsync(
            new ListEventsRequest(),
            cancellationToken: Cancellation
        );

        Assert.Equal(events.Events[^1].Sequence, (ulong)events.Events.Count + events.Forgotten);
        Assert.True(events.Forgotten >= 72, $"{events.Forgotten} are forgotten");
    }

    private static UpdatePortsRequest Allow(uint port) =>
        new()
        {
            Name = "flood",
            Allow =
            {
                new PortRange { First = port, Last = port },
            },
        };

    private static UpdatePortsRequest Deny(uint port) =>
        new()
        {
            Name = "flood",
            Deny =
            {
                new PortRange { First = port, Last = port },
            },
        };

    private async Task<List<Event>> ListAsync(string tunnel = "") =>
        [
            .. (
                await Client.ListEventsAsync(new ListEventsRequest { Tunnel = tunnel }, cancellationToken: Cancellation)
            ).Events,
        ];

    private async Task StartAndStopAsync(string name, int number)
    {
        await Tunnels.StartTunnelAsync(Configurations.Start(name, number), cancellationToken: Cancellation);
        await Tunnels.StopTunnelAsync(new StopTunnelRequest { Name = name }, cancellationToken: Cancellation);
    }
}
