// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class UpTests
{
    private const string Valid = """
        {
          // one end
          "TunnelAddress": "10.0.0.1",
          "NetworkAddress": ":8000",
          "AllowedPorts": [22, "8000-8010",],
          "PacketMagic": "s3cret-word",
        }
        """;

    private const string Wrong = """
        {
          "TunnelAddress": "10.0.0.1",
          "NetworkAddress": ":8000",
          "AllowedPorts": [22, 70000]
        }
        """;

    [Fact]
    public async Task The_content_of_the_file_is_sent_under_the_name_of_the_file()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });

        var run = await CommandRun.OfAsync(server, "up", server.File("home.json", Valid));

        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<StartTunnelRequest>(Assert.Single(server.Daemon.Requests));
        Assert.Equal(Valid, request.Configuration);
        Assert.Equal("home", request.Name);
        Assert.False(request.Ephemeral);
        var text = run.Output.ToString();
        Assert.StartsWith(
            "home is up (running)\n  device    tun0, 10.0.0.1/24, MTU 1300\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains("offloads  TUN TCP, UDP_SEGMENT, UDP_GRO\n", text, StringComparison.Ordinal);
        Assert.Contains("udptunnelctl status home\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
        Assert.Equal("", run.Error.ToString());
    }

    [Fact]
    public async Task A_name_given_replaces_the_files_and_standard_input_will_do()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });

        var run = await new CommandRun { Input = Valid }.RunAsync(server, "up", "-", "--name", "office", "--ephemeral");

        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<StartTunnelRequest>(Assert.Single(server.Daemon.Requests));
        Assert.Equal("office", request.Name);
        Assert.True(request.Ephemeral);
    }

    [Fact]
    public async Task A_mistake_is_told_with_its_position_and_the_daemon_is_not_asked()
    {
        await using var server = await FakeServer.StartAsync();
        var file = server.File("home.json", Wrong);

        var run = await CommandRun.OfAsync(server, "up", file);

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(server.Daemon.Requests);
        var lines = run.Error.ToString().Split('\n');
        Assert.Equal($"udptunnelctl: {file} has a mistake", lines[0]);
        Assert.StartsWith($"{file}:4:24: AllowedPorts[1]: 70000 is not a port", lines[1], StringComparison.Ordinal);
        Assert.Equal("", run.Output.ToString());
    }

    [Fact]
    public async Task The_mistakes_that_only_the_daemon_finds_are_told_in_the_same_way()
    {
        await using var server = await FakeServer.StartAsync();
        var diagnostic = new Diagnostic
        {
            Severity = Severity.Error,
            Line = 3,
            Column = 7,
            Field = "Mtu",
            Message = "too large",
        };
        server.Daemon.Start = _ =>
            throw FakeDaemon.Error(
                StatusCode.InvalidArgument,
                "INVALID_CONFIGURATION",
                "the configuration has a mistake",
                diagnostic
            );
        var file = server.File("home.json", Valid);

        var run = await CommandRun.OfAsync(server, "up", file, "--json");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"{file}:3:7: Mtu: too large\n", run.Error.ToString(), StringComparison.Ordinal);
        var error = run.Json.GetProperty("error");
        Assert.Equal("invalid_configuration", error.GetProperty("reason").GetString());
        Assert.Equal(7, error.GetProperty("diagnostics")[0].GetProperty("column").GetInt32());
    }

    [Fact]
    public async Task What_runs_already_as_the_file_says_is_no_failure()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server);
        var file = server.File("home.json", Valid);

        var run = await CommandRun.OfAsync(server, "up", file);

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith(
            "home runs already as it shall; nothing was changed.\n",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal([(true, false)], Reloads(server));
        Assert.Equal(
            "unchanged",
            (await CommandRun.OfAsync(server, "up", file, "--json")).Json.GetProperty("result").GetString()
        );
    }

    [Fact]
    public async Task What_runs_already_in_another_way_fails_with_what_differs_and_what_to_do()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "Mtu", NeedsRestart = true });

        var run = await CommandRun.OfAsync(server, "up", server.File("home.json", Valid));

        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith(
            "udptunnelctl: 'home' runs already, and differs in Mtu\n'udptunnelctl up --replace'",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal([(true, false)], Reloads(server));
    }

    [Theory]
    [InlineData(false, "changed")]
    [InlineData(true, "restarted")]
    public async Task What_shall_be_replaced_is_changed_and_restarts_only_if_it_has_to(bool restarts, string result)
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "AllowedPorts", NeedsRestart = restarts });

        var run = await CommandRun.OfAsync(server, "up", server.File("home.json", Valid), "--replace", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(result, run.Json.GetProperty("result").GetString());
        Assert.Equal([(true, false), (false, restarts)], Reloads(server));
    }

    [Fact]
    public async Task What_would_not_start_again_with_the_daemon_is_not_what_was_asked_for()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server);
        var ephemeral = Samples.Server();
        ephemeral.Ephemeral = true;
        server.Daemon.Has(ephemeral);
        var file = server.File("home.json", Valid);

        var refused = await CommandRun.OfAsync(server, "up", file);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("does not start again with the daemon", refused.Error.ToString(), StringComparison.Ordinal);

        var isStopped = false;
        server.Daemon.Stop = _ =>
        {
            isStopped = true;
            return Task.FromResult(new StopTunnelResponse());
        };
        server.Daemon.Start = _ =>
            isStopped
                ? Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() })
                : throw FakeDaemon.Error(StatusCode.AlreadyExists, "NAME_TAKEN", "a tunnel 'home' runs already");
        var replaced = await CommandRun.OfAsync(server, "up", file, "--replace", "--json");

        Assert.Equal((0, "restarted"), (replaced.ExitCode, replaced.Json.GetProperty("result").GetString()));
    }

    /// <summary>A daemon with a tunnel called home, which differs from what is started in some fields.</summary>
    private static void Runs(FakeServer server, params Change[] changes)
    {
        server.Daemon.Has(Samples.Server());
        server.Daemon.ListRelays = _ => Task.FromResult(new ListRelaysResponse());
        server.Daemon.Start = _ =>
            throw FakeDaemon.Error(StatusCode.AlreadyExists, "NAME_TAKEN", "a tunnel 'home' runs already");
        server.Daemon.Reload = _ => Task.FromResult(new ReloadTunnelResponse { Changes = { changes } });
    }

    private static List<(bool DryRun, bool AllowRestart)> Reloads(FakeServer server) =>
        [.. server.Daemon.Requests.OfType<ReloadTunnelRequest>().Select(r => (r.DryRun, r.AllowRestart))];

    [Fact]
    public async Task A_daemon_that_takes_too_long_is_not_waited_for()
    {
        await using var server = await FakeServer.StartAsync();
        var never = new TaskCompletionSource<StartTunnelResponse>();
        server.Daemon.Start = _ => never.Task;

        var run = await CommandRun.OfAsync(server, "up", server.File("home.json", Valid), "--timeout", "100ms");
        never.SetCanceled(TestContext.Current.CancellationToken);

        Assert.Equal(6, run.ExitCode);
        Assert.Contains("did not answer in time", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_warning_of_both_ends_is_told_once()
    {
        await using var server = await FakeServer.StartAsync();
        var file = server.File("home.json", Valid.Replace("{\n", "{ \"LogFile\": \"x\",\n", StringComparison.Ordinal));
        server.Daemon.Start = request =>
        {
            var warnings = UdpTunnel
                .Config.ConfigFile.Parse(System.Text.Encoding.UTF8.GetBytes(request.Configuration), "x")
                .Diagnostics.Select(d => new Diagnostic
                {
                    Severity = Severity.Warning,
                    Line = d.Line,
                    Column = d.Column,
                    Field = d.Field,
                    Message = d.Message,
                });
            return Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server(), Warnings = { warnings } });
        };

        var run = await CommandRun.OfAsync(server, "up", file, "--json");

        var warning = Assert.Single(run.Json.GetProperty("warnings").EnumerateArray());
        Assert.Equal("LogFile", warning.GetProperty("field").GetString());
        Assert.Equal("home", run.Json.GetProperty("tunnel").GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_file_of_more_than_two_mebibytes_is_not_read()
    {
        await using var server = await FakeServer.StartAsync();
        var file = server.File("big.json", new string(' ', (2 << 20) + 1));

        var run = await CommandRun.OfAsync(server, "up", file);
        var piped = await new CommandRun { Input = new string(' ', (2 << 20) + 1) }.RunAsync(
            server,
            "up",
            "-",
            "--name",
            "x"
        );

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("larger than a configuration may be", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, piped.ExitCode);
        Assert.Contains("larger than a configuration may be", piped.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_needs_no_daemon()
    {
        await using var server = await FakeServer.StartAsync();
        var good = server.File("home.json", Valid);
        var bad = server.File("bad.json", Wrong);

        var right = await new CommandRun().RunAsync("check", good, "--socket", "/nonexistent");
        var wrong = await new CommandRun().RunAsync("check", bad, "--json", "--socket", "/nonexistent");

        Assert.Equal(0, right.ExitCode);
        Assert.Contains("is valid: tunnel home,", right.Output.ToString().Replace('\n', ' '), StringComparison.Ordinal);
        Assert.Equal(2, wrong.ExitCode);
        var diagnostic = wrong.Json.GetProperty("error").GetProperty("diagnostics")[0];
        Assert.Equal("AllowedPorts[1]", diagnostic.GetProperty("field").GetString());
        Assert.Equal(4, diagnostic.GetProperty("line").GetInt32());
    }
}
