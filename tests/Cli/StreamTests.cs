// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class StreamTests
{
    [Fact]
    public async Task Watching_as_json_writes_one_object_for_each_snapshot_until_the_user_ends_it()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        Snapshots(server, run, count: 3);

        await run.RunAsync(server, "stats", "home", "--watch", "--json", "--interval", "250ms");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(3, run.JsonLines.Count);
        Assert.All(run.JsonLines, l => Assert.Equal(1, l.GetProperty("schemaVersion").GetInt32()));
        Assert.Equal(
            [1UL, 2UL, 3UL],
            run.JsonLines.Select(l =>
                l.GetProperty("tunnels")[0].GetProperty("counters").GetProperty("packetsOut").GetUInt64()
            )
        );
        var request = Assert.Single(server.Daemon.Requests.OfType<WatchTunnelsRequest>());
        Assert.Equal(["home"], request.Names);
        Assert.Equal(Duration.FromTimeSpan(TimeSpan.FromMilliseconds(250)), request.Interval);
    }

    [Fact]
    public async Task Watching_into_a_file_appends_a_line_for_each_tunnel()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        Snapshots(server, run, count: 2);

        await run.RunAsync(server, "stats", "--watch");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, l =>
            Assert.Equal(
                "12:00:00 home out 1.20 Mbit/s in 100 bit/s dropped 15",
                string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            )
        );
    }

    [Fact]
    public async Task Watching_on_a_terminal_redraws()
    {
        await using var server = await FakeServer.StartAsync();
        var run = OnTerminal();
        Snapshots(server, run, count: 2);

        await run.RunAsync(server, "stats", "--watch");

        Assert.Equal(0, run.ExitCode);
        Assert.True(run.Screen.IsGivenBack);
        Assert.True(run.Screen.KeepsLast);
        Assert.Equal(2, run.Screen.Views.Count);
        Assert.All(run.Screen.Views, v => Assert.Contains("home", v, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_watch_on_a_terminal_ends_with_q()
    {
        await using var server = await FakeServer.StartAsync();
        var run = OnTerminal();
        Snapshots(server, run, count: 1, end: () => run.Screen.Press('q'));

        await run.RunAsync(server, "stats", "--watch");

        Assert.Equal(0, run.ExitCode);
    }

    [Fact]
    public async Task A_watch_that_fails_at_once_leaves_the_terminal_alone()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Watch = (_, _, _) =>
            throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", "there is no tunnel 'hom'");
        var run = OnTerminal();

        await run.RunAsync(server, "stats", "hom", "--watch");

        Assert.Equal(5, run.ExitCode);
        Assert.Empty(run.Screen.Views);
        Assert.Equal("", run.Output.ToString());
        Assert.Contains("Did you mean 'home'?", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_ends_the_stream_is_gone()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.WatchEvents = (_, _, _) => Task.CompletedTask;

        var run = await CommandRun.OfAsync(server, "events", "--follow");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("has ended", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stats", "--watch")]
    [InlineData("events", "--follow")]
    [InlineData("senders", "--follow")]
    public async Task A_daemon_that_hangs_ends_a_stream_with_3(string command, string option)
    {
        await using var daemon = HungDaemon.Start();
        var run = new CommandRun
        {
            Patience = TimeSpan.FromSeconds(1),
            Environment = { ["UDPTUNNEL_SOCKET"] = daemon.SocketPath },
        };

        // What asks with a deadline first ends by that; the rest by the silence alone.
        await run.RunAsync(command, option, "--json")
            .WaitAsync(TimeSpan.FromSeconds(9), TestContext.Current.CancellationToken);

        Assert.True(run.ExitCode == 3, run.Output.ToString());
        Assert.Equal("unavailable", run.Json.GetProperty("error").GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Following_writes_what_is_remembered_and_then_what_happens()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        server.Daemon.WatchEvents = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchEventsResponse { Events = { Event(1), Event(2) } }, cancellation);
            await writer.WriteAsync(new WatchEventsResponse { Events = { Event(3) } }, cancellation);
            await UntilAsync(
                () => run.Output.ToString().Contains("\"sequence\":3", StringComparison.Ordinal),
                cancellation
            );
            run.Interrupt!();
            await Task.Delay(Timeout.Infinite, cancellation);
        };

        await run.RunAsync(server, "events", "home", "--follow", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal([1, 2, 3], run.JsonLines.Select(l => l.GetProperty("sequence").GetInt32()));
        Assert.All(run.JsonLines, l => Assert.Equal("tunnel_started", l.GetProperty("kind").GetString()));
        Assert.Equal("home", Assert.IsType<WatchEventsRequest>(Assert.Single(server.Daemon.Requests)).Tunnel);
    }

    private static CommandRun OnTerminal() =>
        new()
        {
            Terminal = new TerminalFacts { OutputIsTerminal = true },
            Environment = { ["TERM"] = "xterm" },
        };

    private static Event Event(ulong sequence) =>
        new()
        {
            Sequence = sequence,
            Kind = EventKind.TunnelStarted,
            Message = "m",
        };

    /// <summary>Sends so many snapshots, and ends the command as the user does when it has shown them.</summary>
    private static void Snapshots(FakeServer server, CommandRun run, int count, Action? end = null)
    {
        server.Daemon.Has(Samples.Server());
        server.Daemon.Watch = async (_, writer, cancellation) =>
        {
            var length = 0;
            for (var i = 1; i <= count; i++)
            {
                var tunnel = Samples.Server();
                tunnel.Counters.PacketsOut = (ulong)i;
                await writer.WriteAsync(
                    new WatchTunnelsResponse { Time = Timestamp.FromDateTimeOffset(Samples.Now), Tunnels = { tunnel } },
                    cancellation
                );
                var before = length;
                await UntilAsync(() => (length = run.Output.Length + run.Screen.Views.Count) > before, cancellation);
            }

            (end ?? run.Interrupt!)();
            await Task.Delay(Timeout.Infinite, cancellation);
        };
    }

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
        {
            await Task.Delay(5, cancellation);
        }
    }
}
