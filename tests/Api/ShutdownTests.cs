// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace UdpTunnel.Tests.Api;

/// <summary>SIGTERM ends everything, soon and cleanly, whatever clients do.</summary>
public sealed class ShutdownTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_stream_ends_when_the_daemon_stops()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var events = daemon.Channel.Events.WatchEvents(new WatchEventsRequest(), cancellationToken: Cancellation);
        using var tunnels = daemon.Channel.Tunnels.WatchTunnels(
            new WatchTunnelsRequest(),
            cancellationToken: Cancellation
        );
        using var reflection = daemon.Channel.Reflection.ServerReflectionInfo(cancellationToken: Cancellation);
        await reflection.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" }, Cancellation);
        Assert.True(await events.ResponseStream.MoveNext(Cancellation));
        Assert.True(await tunnels.ResponseStream.MoveNext(Cancellation));
        Assert.True(await reflection.ResponseStream.MoveNext(Cancellation));
        var clock = Stopwatch.StartNew();

        Assert.Equal(0, await daemon.StopAsync());

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Soon);
        Assert.Equal(StatusCode.Unavailable, await EndOfAsync(events.ResponseStream));
        Assert.Equal(StatusCode.Unavailable, await EndOfAsync(tunnels.ResponseStream));

        // .NET's client loses the status of a call whose own half is still open.
        Assert.NotEqual(StatusCode.OK, await EndOfAsync(reflection.ResponseStream));
        Assert.DoesNotContain("fail", daemon.Process.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.False(File.Exists(daemon.SocketPath));
    }

    [Fact]
    public async Task Health_says_that_it_stops()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var whole = daemon.Channel.Health.Watch(new HealthCheckRequest(), cancellationToken: Cancellation);
        using var service = daemon.Channel.Health.Watch(
            new HealthCheckRequest { Service = "udptunnel.v1.TunnelService" },
            cancellationToken: Cancellation
        );
        Assert.Equal([ServingStatus.Serving], await TakeAsync(whole.ResponseStream, 1));
        Assert.Equal([ServingStatus.Serving], await TakeAsync(service.ResponseStream, 1));

        Assert.Equal(0, await daemon.StopAsync());

        Assert.Equal([ServingStatus.NotServing], await TakeAsync(whole.ResponseStream, int.MaxValue));
        Assert.Equal([ServingStatus.NotServing], await TakeAsync(service.ResponseStream, int.MaxValue));
    }

    [Fact]
    public async Task Idle_and_half_open_connections_do_not_hold_it_up()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var idle = await ControlChannel.ConnectAsync(daemon.SocketPath, Cancellation);
        using var half = await ControlChannel.ConnectAsync(daemon.SocketPath, Cancellation);
        await half.SendAsync("PRI * HTTP/2.0\r\n"u8.ToArray(), Cancellation);
        await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
        var clock = Stopwatch.StartNew();

        Assert.Equal(0, await daemon.StopAsync());

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Soon);
    }

    [Fact]
    public async Task Signals_until_its_last_moment_end_it_as_well_as_one()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        await using var signals = ChildProcess.Start(
            "sh",
            "-c",
            $"while kill -TERM {daemon.Process.Id} 2>/dev/null; do :; done"
        );

        Assert.Equal(0, await daemon.Process.WaitAsync().WaitAsync(Soon, Cancellation));
        Assert.False(File.Exists(daemon.SocketPath));
    }

    [Fact]
    public async Task A_signal_while_it_starts_ends_it_cleanly_too()
    {
        await using var daemon = await DaemonProcess.BeginAsync();
        daemon.Process.Terminate();

        Assert.Equal(0, await daemon.Process.WaitAsync().WaitAsync(Soon, Cancellation));
        Assert.False(File.Exists(daemon.SocketPath));
        Assert.DoesNotContain("fail", daemon.Process.Errors, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_ran_runs_again_after_a_kill()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        await daemon.Channel.Tunnels.StartTunnelAsync(Configurations.Start("kept", 1), cancellationToken: Cancellation);
        var ephemeral = Configurations.Start("lost", 2);
        ephemeral.Ephemeral = true;
        await daemon.Channel.Tunnels.StartTunnelAsync(ephemeral, cancellationToken: Cancellation);
        daemon.Process.Kill();
        await daemon.Process.WaitAsync();

        await daemon.RestartAsync();

        var tunnels = (
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
        ).Tunnels;
        Assert.Equal(("kept", TunnelState.Waiting), (Assert.Single(tunnels).Name, tunnels[0].State));
    }

    private static async Task<StatusCode> EndOfAsync<T>(IAsyncStreamReader<T> stream)
    {
        try
        {
            while (await stream.MoveNext(Cancellation))
            {
                // What was on its way.
            }

            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }

    private static async Task<List<ServingStatus>> TakeAsync(IAsyncStreamReader<HealthCheckResponse> stream, int most)
    {
        var statuses = new List<ServingStatus>();
        while (statuses.Count < most && await stream.MoveNext(Cancellation))
        {
            statuses.Add(stream.Current.Status);
        }

        return statuses;
    }
}
