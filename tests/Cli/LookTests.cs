// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class LookTests
{
    [Fact]
    public async Task Status_shows_every_tunnel()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server(), Samples.Client());

        var run = await CommandRun.OfAsync(server, "status");

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("home: running, up 3 hours\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\n\noffice: waiting\n", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_as_json_has_the_same_form_for_one_tunnel_and_for_all()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server(), Samples.Client());

        var all = await CommandRun.OfAsync(server, "status", "--json");
        var one = await CommandRun.OfAsync(server, "--json", "status", "office");

        Assert.Equal(1, all.Json.GetProperty("schemaVersion").GetInt32());
        Assert.Equal("2026-03-04T12:00:00Z", all.Json.GetProperty("time").GetString());
        Assert.Equal(
            ["home", "office"],
            all.Json.GetProperty("tunnels").EnumerateArray().Select(t => t.GetProperty("name").GetString())
        );
        Assert.Equal(
            "office",
            Assert.Single(one.Json.GetProperty("tunnels").EnumerateArray()).GetProperty("name").GetString()
        );
    }

    [Theory]
    [InlineData("status", "there is no tunnel or relay 'hmoe'")]
    [InlineData("stats", "there is no tunnel or relay 'hmoe'")]
    [InlineData("ports", "there is no tunnel 'hmoe'")]
    public async Task A_wrong_name_gets_the_nearest_suggested(string command, string message)
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var run = await CommandRun.OfAsync(server, command, "hmoe");

        Assert.Equal(5, run.ExitCode);
        Assert.StartsWith(
            $"udptunnelctl: {message}\nDid you mean 'home'?",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_suggestion_is_left_out_where_nothing_is_near()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Stop = _ =>
            throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", "there is no tunnel 'zzzzzz'");

        var run = await CommandRun.OfAsync(server, "down", "zzzzzz", "--json");

        Assert.Equal(5, run.ExitCode);
        Assert.DoesNotContain("Did you mean", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal("no_such_tunnel", run.Json.GetProperty("error").GetProperty("reason").GetString());
        Assert.Equal(5, run.Json.GetProperty("error").GetProperty("exitCode").GetInt32());
    }

    [Fact]
    public async Task Down_says_what_the_tunnel_carried()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Stop = _ => Task.FromResult(new StopTunnelResponse { Tunnel = Samples.Server() });

        var run = await CommandRun.OfAsync(server, "down", "home");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("home is down\n  carried   out 1.50 GiB, in 512 B\n  for       3 hours\n", run.Output.ToString());
    }

    [Fact]
    public async Task Looking_at_ports_asks_for_no_more_than_a_look()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var run = await CommandRun.OfAsync(server, "ports", "home");

        Assert.Equal("home allows TCP and UDP ports 22, 8000-8010\n", run.Output.ToString());
        Assert.IsType<ListTunnelsRequest>(Assert.Single(server.Daemon.Requests));
    }

    [Fact]
    public async Task Ports_are_allowed_and_denied_in_one_call()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.UpdatePorts = _ =>
            Task.FromResult(
                new UpdatePortsResponse
                {
                    AllowedPorts =
                    {
                        new PortRange { First = 80, Last = 81 },
                    },
                }
            );

        var run = await CommandRun.OfAsync(server, "ports", "home", "deny", "23", "allow", "80", "8000-8010", "--json");

        Assert.Equal(0, run.ExitCode);
        var request = Assert.Single(server.Daemon.Requests.OfType<UpdatePortsRequest>());
        Assert.Equal([new PortRange { First = 23, Last = 23 }], request.Deny);
        Assert.Equal(
            [new PortRange { First = 80, Last = 80 }, new PortRange { First = 8000, Last = 8010 }],
            request.Allow
        );
        Assert.Equal(81, run.Json.GetProperty("allowedPorts")[0].GetProperty("last").GetInt32());
        Assert.Equal("", run.Error.ToString());
    }

    [Fact]
    public async Task A_change_that_a_file_will_undo_is_announced_so_and_a_stop_says_what_comes_back()
    {
        await using var server = await FakeServer.StartAsync();
        var home = Samples.Server();
        home.File = "/etc/udptunnel/tunnels.d/home.json";
        server.Daemon.Has(home);
        server.Daemon.ListRelays = _ => Task.FromResult(new ListRelaysResponse());
        server.Daemon.UpdatePorts = _ => Task.FromResult(new UpdatePortsResponse());
        server.Daemon.Stop = _ => Task.FromResult(new StopTunnelResponse { Tunnel = home });

        var ports = await CommandRun.OfAsync(server, "ports", "home", "allow", "80");
        var down = await CommandRun.OfAsync(server, "down", "home");

        Assert.StartsWith($"home comes from {home.File}, ", ports.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains($"{home.File} describes it", down.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_are_shown_with_their_words()
    {
        await using var server = await FakeServer.StartAsync();
        var moved = new Event
        {
            Sequence = 7,
            Time = Timestamp.FromDateTimeOffset(Samples.Now),
            Kind = EventKind.PeerMoved,
            Level = EventLevel.Info,
            Tunnel = "home",
            Message = "the peer moved",
        };
        server.Daemon.ListEvents = _ => Task.FromResult(new ListEventsResponse { Events = { moved } });

        var text = await CommandRun.OfAsync(server, "events", "home");
        var json = await CommandRun.OfAsync(server, "events", "--json");

        Assert.Equal("2026-03-04 12:00:00  home: the peer moved\n", text.Output.ToString());
        var happened = json.Json.GetProperty("events")[0];
        Assert.Equal("peer_moved", happened.GetProperty("kind").GetString());
        Assert.Equal("info", happened.GetProperty("level").GetString());
        Assert.Equal(["home", ""], server.Daemon.Requests.Cast<ListEventsRequest>().Select(r => r.Tunnel));
    }

    [Fact]
    public async Task Events_are_chosen_by_kind_and_level_and_go_on_after_one_that_is_known()
    {
        await using var server = await FakeServer.StartAsync();
        var sent = new ListEventsResponse { BootId = "b", Forgotten = 3 };
        server.Daemon.ListEvents = _ => Task.FromResult(sent);

        var run = await CommandRun.OfAsync(
            server,
            "events",
            "--kind=peer_moved",
            "--kind",
            "dns_failed",
            "--level",
            "warning",
            "--after",
            "a-b:7",
            "--json"
        );

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            new ListEventsRequest
            {
                Kinds = { EventKind.PeerMoved, EventKind.DnsFailed },
                MinLevel = EventLevel.Warning,
                BootId = "a-b",
                AfterSequence = 7,
            },
            Assert.Single(server.Daemon.Requests)
        );
        Assert.Equal("b", run.Json.GetProperty("bootId").GetString());
        Assert.Equal(3, run.Json.GetProperty("forgotten").GetInt32());
    }

    [Theory]
    [InlineData("-n 1", "3")]
    [InlineData("--lines 0", "")]
    [InlineData("--since 10m", "2 3")]
    [InlineData("--since 10m -n 9", "2 3")]
    [InlineData("--since 1h -n 2 --follow", "2 3 4")]
    public async Task Events_of_the_last_time_and_the_last_ones_are_chosen(string options, string expected)
    {
        await using var server = await FakeServer.StartAsync();
        Event At(ulong sequence, int minutes) =>
            new()
            {
                Sequence = sequence,
                Time = Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(-minutes)),
                Kind = EventKind.PeerMoved,
                Level = EventLevel.Info,
                Message = "moved",
            };
        server.Daemon.ListEvents = _ =>
            Task.FromResult(new ListEventsResponse { BootId = "b", Events = { At(1, 30), At(2, 9), At(3, 1) } });
        server.Daemon.WatchEvents = async (request, stream, cancellation) =>
        {
            Assert.Equal(("b", 3UL), (request.BootId, request.AfterSequence));
            await stream.WriteAsync(new WatchEventsResponse { BootId = "b", Events = { At(4, 0) } }, cancellation);
        };

        var run = await CommandRun.OfAsync(server, ["events", "--json", .. options.Split(' ')]);

        var events = run.JsonLines.SelectMany(l =>
            l.TryGetProperty("events", out var all) ? all.EnumerateArray()
            : l.TryGetProperty("sequence", out _) ? [l]
            : Enumerable.Empty<System.Text.Json.JsonElement>()
        );
        Assert.Equal(expected, string.Join(' ', events.Select(e => e.GetProperty("sequence").GetInt64())));
    }

    [Theory]
    [InlineData("--lines -1", "--lines")]
    [InlineData("--kind peer_move", "'peer_move' is not a kind of event\nDid you mean 'peer_moved'?")]
    [InlineData("--level all", "'all' is not a level\nThere are: info, warning, error.")]
    [InlineData("--after 7", "--after: '7' is not BOOT:SEQUENCE")]
    [InlineData("--after :7", "--after: ':7' is not BOOT:SEQUENCE")]
    [InlineData("--after a:-7", "--after: 'a:-7' is not BOOT:SEQUENCE")]
    public async Task What_no_event_can_be_is_wrong_usage(string options, string message)
    {
        await using var server = await FakeServer.StartAsync();

        var run = await CommandRun.OfAsync(server, ["events", .. options.Split(' ')]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoami_says_what_the_caller_may_do_and_why()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.WhoAmI = _ =>
            Task.FromResult(
                new WhoAmIResponse
                {
                    Uid = 1000,
                    Gid = 1000,
                    Pid = 42,
                    Role = Role.Look,
                    Reason = "uid 1000 is a member of the group observers",
                }
            );

        var text = await CommandRun.OfAsync(server, "whoami");
        var json = await CommandRun.OfAsync(server, "whoami", "--json");

        Assert.StartsWith(
            "uid 1000, gid 1000, pid 42\n  you may   look:",
            text.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal("look", json.Json.GetProperty("role").GetString());
    }

    [Fact]
    public async Task Version_shows_both()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.GetDaemon = _ =>
            Task.FromResult(
                new GetDaemonResponse
                {
                    Version = "9.8.7",
                    Pid = 3,
                    Kernel = "6.12.0",
                    Runtime = ".NET 10",
                }
            );

        var text = await CommandRun.OfAsync(server, "version");
        var json = await CommandRun.OfAsync(server, "version", "--json");

        Assert.Matches(
            "^udptunnelctl [0-9]+\\.[0-9]+\\.[0-9]+(-[0-9a-z.]+)?\nudptunneld   9\\.8\\.7\n",
            text.Output.ToString()
        );
        Assert.Equal("9.8.7", json.Json.GetProperty("udptunneld").GetProperty("version").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, json.Json.GetProperty("problem").ValueKind);
    }

    [Fact]
    public async Task A_call_that_the_role_does_not_allow_ends_with_4()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Stop = _ =>
            throw FakeDaemon.Error(
                StatusCode.PermissionDenied,
                "ROLE_REQUIRED",
                "stopping a tunnel needs the role operate"
            );

        var run = await CommandRun.OfAsync(server, "down", "home");

        Assert.Equal(4, run.ExitCode);
        Assert.Contains("usermod -aG udptunnel", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_without_the_call_is_of_another_version()
    {
        await using var server = await FakeServer.StartAsync();

        var run = await CommandRun.OfAsync(server, "whoami");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("different versions", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "", true)]
    [InlineData(false, "", false)]
    [InlineData(true, "1", false)]
    public async Task Colour_is_for_terminals_without_NO_COLOR(bool terminal, string noColor, bool colour)
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        var run = new CommandRun { Terminal = new() { OutputIsTerminal = terminal } };
        run.Environment["NO_COLOR"] = noColor;
        run.Environment["TERM"] = "xterm";

        await run.RunAsync(server, "status");

        Assert.Equal(colour, run.Output.ToString().Contains("\x1b[32mrunning", StringComparison.Ordinal));
        Assert.Equal(colour, run.Output.ToString().Contains('\x1b', StringComparison.Ordinal));
    }
}
