// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli;
using UdpTunnel.Cli.Live;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class TopSessionTests
{
    [Fact]
    public async Task A_sender_is_let_in_after_a_yes_and_leaves_the_list()
    {
        await using var server = await FakeServer.StartAsync();
        var decided = new TaskCompletionSource<ApproveSenderRequest>();
        Watched(server, decided.Task);
        server.Daemon.Approve = request =>
        {
            decided.SetResult(request);
            return Task.FromResult(new ApproveSenderResponse { Sender = RelaySamples.Sender(SenderState.Connected) });
        };
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("1 sender waits");
        run.Screen.Press("ao");
        var request = await decided.Task;
        await run.Screen.SeenAsync($"let in: {RelaySamples.Key}");
        await run.Screen.GoneAsync("wants in");
        run.Screen.Press("q");
        await command;

        Assert.Equal(
            new ApproveSenderRequest
            {
                Sender = RelaySamples.Key,
                Relay = "dns",
                Once = true,
            },
            request
        );
        Assert.DoesNotContain("wants in", run.Screen.Views.Last(), StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
        Assert.True(run.Screen.IsGivenBack);
    }

    [Fact]
    public async Task A_decision_that_the_daemon_refuses_is_told_and_the_view_goes_on()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        server.Daemon.Deny = _ =>
            throw FakeDaemon.Error(StatusCode.PermissionDenied, "ROLE_REQUIRED", "you may look, not operate");
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("1 sender waits");
        run.Screen.Press("dy");
        await run.Screen.SeenAsync("you may look, not operate");
        run.Screen.Press("q");
        await command;

        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task Flows_of_a_tunnel_are_asked_for_only_while_it_is_looked_at()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        server.Daemon.ListTunnelFlows = _ =>
            Task.FromResult(new ListTunnelFlowsResponse { Flows = { Samples.Flow() }, Total = 1 });
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("home");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(server.Daemon.Requests, r => r is ListTunnelFlowsRequest);
        run.Screen.Press("j");
        run.Screen.Press(Key.Enter);
        await run.Screen.SeenAsync("10.0.0.2:40112");
        run.Screen.Press("q");
        await command;

        Assert.All(server.Daemon.Requests.OfType<ListTunnelFlowsRequest>(), r => Assert.Equal("home", r.Name));
        Assert.DoesNotContain(server.Daemon.Requests, r => r is ListFlowsRequest);
    }

    [Fact]
    public async Task Flows_are_asked_for_only_while_their_relay_is_looked_at()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        server.Daemon.ListFlows = _ => Task.FromResult(new ListFlowsResponse { Flows = { RelaySamples.Flow(1) } });
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("receiver");
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(server.Daemon.Requests, r => r is ListFlowsRequest);
        run.Screen.Press(Key.Enter);
        await run.Screen.SeenAsync("198.51.100.9:5000");
        run.Screen.Press("q");
        await command;

        Assert.All(server.Daemon.Requests.OfType<ListFlowsRequest>(), r => Assert.Equal("dns", r.Name));
    }

    [Fact]
    public async Task A_daemon_that_ends_before_it_said_anything_is_told_on_the_ordinary_screen()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        server.Daemon.Watch = (_, _, _) => Task.CompletedTask;
        var run = await OnTerminal().RunAsync(server, "top");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("has ended", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Screen.Views);
    }

    [Fact]
    public async Task A_daemon_that_restarts_is_told_and_the_view_goes_on_with_its_senders()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        var (watch, watchSenders) = (server.Daemon.Watch!, server.Daemon.WatchSenders);
        var lives = 0;
        using var ended = new CancellationTokenSource();
        server.Daemon.Watch = (request, writer, cancellation) =>
            Interlocked.Increment(ref lives) switch
            {
                1 => watch(request, writer, ended.Token).ContinueWith(_ => throw Gone(), TaskScheduler.Default),
                2 => throw Gone(),
                _ => watch(request, writer, cancellation),
            };
        server.Daemon.WatchSenders = (request, writer, cancellation) =>
            lives < 2 ? Task.Delay(Timeout.Infinite, cancellation) : watchSenders!(request, writer, cancellation);
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("home");
        await ended.CancelAsync();
        await run.Screen.SeenAsync("udptunneld has ended: this is how it was");
        Assert.Contains("home", run.Screen.Views.Last(), StringComparison.Ordinal);
        await run.Screen.SeenAsync("udptunneld is there again");
        await run.Screen.SeenAsync("wants in at dns");
        run.Screen.Press("q");
        await command;

        Assert.Equal((0, 3), (run.ExitCode, lives));
        Assert.DoesNotContain("has ended", run.Screen.Views.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_lets_the_user_look_no_more_ends_it_with_4()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        server.Daemon.Watch = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchTunnelsResponse { Tunnels = { Samples.Server() } }, cancellation);
            throw FakeDaemon.Error(StatusCode.PermissionDenied, "ROLE_REQUIRED", "you may not look");
        };
        var run = await OnTerminal().RunAsync(server, "top");

        Assert.Equal(4, run.ExitCode);
        Assert.True(run.Screen.IsGivenBack || run.Screen.Views.IsEmpty);
    }

    [Fact]
    public async Task Ctrl_C_ends_it_with_0()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        var run = OnTerminal();
        var command = run.RunAsync(server, "top", "--interval", "100ms");

        await run.Screen.SeenAsync("home");
        run.Interrupt!();
        await command;

        Assert.Equal(0, run.ExitCode);
        Assert.True(run.Screen.IsGivenBack);
    }

    [Theory]
    [InlineData("xterm", false, "top is for a person at a terminal")]
    [InlineData("dumb", true, "top cannot draw on this terminal (TERM is 'dumb')")]
    [InlineData("", true, "top cannot draw on this terminal (TERM is not set)")]
    public async Task Without_a_terminal_that_can_it_names_what_can(string name, bool terminal, string message)
    {
        var run = new CommandRun
        {
            Terminal = new TerminalFacts { InputIsTerminal = terminal, OutputIsTerminal = terminal },
            Environment = { ["TERM"] = name },
        };

        await run.RunAsync("top");

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith(
            $"udptunnelctl: {message}\n'udptunnelctl stats --watch'",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
    }

    private static RpcException Gone() => new(new Status(StatusCode.Unavailable, "the daemon stops"));

    private static CommandRun OnTerminal() =>
        new()
        {
            Terminal = new TerminalFacts { InputIsTerminal = true, OutputIsTerminal = true },
            Environment = { ["TERM"] = "xterm" },
        };

    /// <summary>A tunnel, and a receiver at which a sender waits until <paramref name="decided"/>.</summary>
    private static void Watched(FakeServer server, Task? decided = null)
    {
        server.Daemon.Watch = (request, writer, cancellation) =>
            EveryAsync(
                request.Interval,
                time => writer.WriteAsync(new() { Time = time, Tunnels = { Samples.Server() } }, cancellation),
                cancellation
            );
        server.Daemon.WatchRelays = (request, writer, cancellation) =>
            EveryAsync(
                request.Interval,
                time =>
                    writer.WriteAsync(new() { Time = time, Relays = { RelaySamples.WaitingReceiver() } }, cancellation),
                cancellation
            );
        server.Daemon.WatchSenders = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchSendersResponse { Senders = { RelaySamples.Sender() } }, cancellation);
            await (decided ?? Task.Delay(Timeout.Infinite, cancellation)).WaitAsync(cancellation);
            await writer.WriteAsync(
                new WatchSendersResponse { Senders = { RelaySamples.Sender(SenderState.Connected) } },
                cancellation
            );
            await Task.Delay(Timeout.Infinite, cancellation);
        };
    }

    private static async Task EveryAsync(Duration interval, Func<Timestamp, Task> write, CancellationToken cancellation)
    {
        for (var look = 0; ; look++)
        {
            await write(Timestamp.FromDateTimeOffset(Samples.Now + (look * interval.ToTimeSpan())));
            await Task.Delay(interval.ToTimeSpan(), cancellation);
        }
    }
}
