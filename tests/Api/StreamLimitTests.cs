// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>Streams are bounded, and a client that does not read costs nobody anything.</summary>
public sealed class StreamLimitTests
{
    private const int MaxStreams = 128;

    /// <summary>
    /// Two full buffers of Kestrel (64 KiB) for each stream, what the runtime makes of it, and what it had given back
    /// after the start.
    /// </summary>
    private const long MaxGrowthKilobytes = 128 * 1024;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_connections_are_closed_above_the_bound_which_is_told_once_and_the_daemon_serves_on()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                sockets.Add(await ConnectAsync(daemon.SocketPath));
            }

            IReadOnlyList<Event> told = [];
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    told = (
                        await daemon.Channel.Events.ListEventsAsync(
                            new ListEventsRequest(),
                            cancellationToken: Cancellation
                        )
                    ).Events;
                    return told.Any(e => e.Kind == EventKind.LimitReached);
                },
                () => "nobody tells of the connections that were closed"
            );
            Assert.Equal(Limit.Connections, Assert.Single(told, e => e.Kind == EventKind.LimitReached).Limit);
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }

        using var another = new ControlChannel(daemon.SocketPath);
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                try
                {
                    return (
                            await another.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation)
                        ).Pid > 0;
                }
                catch (RpcException)
                {
                    return false;
                }
            },
            () => "the places of connections that have ended stay taken"
        );
    }

    [Fact]
    public async Task One_stream_more_than_the_most_is_refused_and_fits_when_another_ends()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        var calls = new List<IDisposable>();
        try
        {
            for (var i = 0; i < MaxStreams; i++)
            {
                calls.Add(await OpenAsync(daemon.Channel, i));
            }

            (
                await Failure.OfAsync(
                    daemon.Channel.Events.WatchEvents(new WatchEventsRequest(), cancellationToken: Cancellation)
                )
            ).Is(StatusCode.ResourceExhausted, "LIMIT_REACHED");
            (
                await Failure.OfAsync(
                    daemon.Channel.Tunnels.WatchTunnels(new WatchTunnelsRequest(), cancellationToken: Cancellation)
                )
            ).Is(StatusCode.ResourceExhausted, "LIMIT_REACHED");

            var told = (
                await daemon.Channel.Events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation)
            ).Events;
            Assert.Equal(Limit.Streams, Assert.Single(told, e => e.Kind == EventKind.LimitReached).Limit);

            // Calls that are no streams go on.
            await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);

            calls[0].Dispose();
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    using var call = daemon.Channel.Events.WatchEvents(
                        new WatchEventsRequest(),
                        cancellationToken: Cancellation
                    );
                    try
                    {
                        return await call.ResponseStream.MoveNext(Cancellation);
                    }
                    catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
                    {
                        return false;
                    }
                },
                () => "the place of a stream that ended stays taken"
            );
        }
        finally
        {
            calls.ForEach(call => call.Dispose());
        }
    }

    [Fact]
    public async Task A_client_that_opens_1000_streams_and_never_reads_takes_a_bounded_memory_and_hinders_nobody()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(ManyFailedTunnels(200));
        using var deaf = new DeafClient(daemon.SocketPath);
        using (var warm = await OpenAsync(daemon.Channel, 0))
        {
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation);
        }

        var before = daemon.ResidentKilobytes;

        // Held by a reader, so that a place is left when the others are taken.
        using var call = daemon.Channel.Tunnels.WatchTunnels(
            new WatchTunnelsRequest { Interval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)) },
            cancellationToken: Cancellation
        );
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        await deaf.OpenAsync(1000, Cancellation);

        // 127 messages of some 50 KB in each interval: 60 MB a second for 4 s, if they were kept.
        for (var i = 0; i < 40; i++)
        {
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            Assert.Equal(200, call.ResponseStream.Current.Tunnels.Count);
        }

        Assert.InRange(daemon.ResidentKilobytes - before, long.MinValue, MaxGrowthKilobytes);
        daemon.Process.Terminate();
        Assert.Equal(0, await daemon.Process.WaitAsync().WaitAsync(TimeSpan.FromSeconds(4), Cancellation));
    }

    /// <summary>Tunnels that cannot start, each with a reason to show: messages of some size without devices.</summary>
    private static DaemonSetup ManyFailedTunnels(int count) =>
        new()
        {
            StoredTunnels = Enumerable
                .Range(1, count)
                .ToDictionary(
                    i => $"tunnel-{i}",
                    i => Configurations.Server(1 + (i % 250), ", \"TunnelDevice\": \"lo\"")
                ),
        };

    /// <summary>Opens a stream, of each kind in turn, and waits for its first message.</summary>
    private static async Task<IDisposable> OpenAsync(ControlChannel channel, int number)
    {
        switch (number % 3)
        {
            case 0:
                var events = channel.Events.WatchEvents(new WatchEventsRequest(), cancellationToken: Cancellation);
                Assert.True(await events.ResponseStream.MoveNext(Cancellation));
                return events;
            case 1:
                var tunnels = channel.Tunnels.WatchTunnels(new WatchTunnelsRequest(), cancellationToken: Cancellation);
                Assert.True(await tunnels.ResponseStream.MoveNext(Cancellation));
                return tunnels;
            default:
                var health = channel.Health.Watch(
                    new Grpc.Health.V1.HealthCheckRequest(),
                    cancellationToken: Cancellation
                );
                Assert.True(await health.ResponseStream.MoveNext(Cancellation));
                return health;
        }
    }

    /// <summary>A socket whose backlog is full refuses who does not want to wait (EAGAIN, connect(2)).</summary>
    private static async Task<Socket> ConnectAsync(string path)
    {
        while (true)
        {
            try
            {
                return await ControlChannel.ConnectAsync(path, Cancellation);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                await Task.Delay(1, Cancellation);
            }
        }
    }
}
