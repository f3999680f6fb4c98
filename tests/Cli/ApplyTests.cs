// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>What runs is made as files say.</summary>
public sealed class ApplyTests
{
    private const string Home =
        """{"Name": "home", "TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22], "PacketMagic": "w"}""";

    private const string Office =
        """{"Name": "office", "TunnelAddress": "10.0.1.1", "NetworkAddress": ":8001", "AllowedPorts": [22], "PacketMagic": "w"}""";

    [Fact]
    public async Task What_is_missing_starts_what_is_equal_stays_and_nothing_else_is_touched()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server);

        var run = await CommandRun.OfAsync(server, "apply", Files(server), "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal([("home", "none", false), ("office", "start", true)], Outcomes(run));
        Assert.Equal("office", Assert.Single(server.Daemon.Requests.OfType<StartTunnelRequest>()).Name);
        Assert.Empty(server.Daemon.Requests.OfType<StopRelayRequest>());
    }

    [Fact]
    public async Task A_dry_run_shows_the_same_and_changes_nothing()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "Mtu", NeedsRestart = true });

        var run = await CommandRun.OfAsync(server, "apply", Files(server), "--prune", "--dry-run", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal([("dns", "stop", false), ("home", "restart", false), ("office", "start", false)], Outcomes(run));
        Assert.All(server.Daemon.Requests.OfType<ReloadTunnelRequest>(), r => Assert.True(r.DryRun));
        Assert.Empty(server.Daemon.Requests.OfType<StartTunnelRequest>());
    }

    [Fact]
    public async Task What_is_interrupted_needs_consent_and_what_is_in_no_file_stops_first()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "Mtu", NeedsRestart = true });
        var files = Files(server);

        var refused = await CommandRun.OfAsync(server, "apply", files, "--prune");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("this interrupts 'dns', 'home'", refused.Error.ToString(), StringComparison.Ordinal);
        Assert.Empty(server.Daemon.Requests.OfType<StopRelayRequest>());

        var agreed = await CommandRun.OfAsync(server, "apply", files, "--prune", "--yes", "--json");
        Assert.Equal(0, agreed.ExitCode);
        Assert.Equal([("dns", "stop", true), ("home", "restart", true), ("office", "start", true)], Outcomes(agreed));
        var reload = server.Daemon.Requests.OfType<ReloadTunnelRequest>().Last();
        Assert.Equal((false, true), (reload.DryRun, reload.AllowRestart));
    }

    [Fact]
    public async Task One_that_fails_keeps_none_of_the_others_from_it()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "AllowedPorts" });
        server.Daemon.Start = _ => throw FakeDaemon.Error(StatusCode.AlreadyExists, "PORT_TAKEN", "UDP 8001 is taken");

        var run = await CommandRun.OfAsync(server, "apply", Files(server), "--json");

        Assert.Equal(1, run.ExitCode);
        Assert.Equal([("home", "change", true), ("office", "start", false)], Outcomes(run));
        Assert.Equal("UDP 8001 is taken", run.Json.GetProperty("files")[1].GetProperty("problem").GetString());
    }

    [Fact]
    public async Task What_a_file_of_the_daemon_s_directory_says_otherwise_is_not_changed_behind_its_back()
    {
        await using var server = await FakeServer.StartAsync();
        Runs(server, new Change { Field = "AllowedPorts" });
        var owned = Samples.Server();
        owned.File = "/etc/udptunnel/tunnels.d/home.json";
        server.Daemon.Has(owned);

        var run = await CommandRun.OfAsync(server, "apply", server.File("home.json", Home), "--json");

        Assert.Equal(1, run.ExitCode);
        Assert.Equal([("home", "refuse", false)], Outcomes(run));
        Assert.Contains(owned.File, run.Json.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mistake_in_one_file_changes_nothing_and_so_do_two_files_for_one_name()
    {
        await using var server = await FakeServer.StartAsync();
        var home = server.File("home.json", Home);

        Assert.Equal(2, (await CommandRun.OfAsync(server, "apply", home, server.File("bad.json", "{"))).ExitCode);
        var twice = await CommandRun.OfAsync(server, "apply", home, server.File("again.json", Home));
        Assert.Equal(2, twice.ExitCode);
        Assert.Contains("describes home, as", twice.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, (await CommandRun.OfAsync(server, "apply", "--prune")).ExitCode);
        Assert.Empty(server.Daemon.Requests);
    }

    [Fact]
    public async Task Without_a_file_the_daemon_applies_its_own_directory()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ReloadDirectory = _ => Task.FromResult(new ReloadDirectoryResponse());

        var run = await CommandRun.OfAsync(server, "apply", "--dry-run");

        Assert.Equal((0, "Nothing to change.\n"), (run.ExitCode, run.Output.ToString()));
        Assert.True(Assert.IsType<ReloadDirectoryRequest>(Assert.Single(server.Daemon.Requests)).DryRun);
    }

    /// <summary>A directory with the files of home and office.</summary>
    private static string Files(FakeServer server)
    {
        _ = server.File("home.json", Home);
        return Path.GetDirectoryName(server.File("office.json", Office))!;
    }

    /// <summary>A daemon with the tunnel home, which differs in some fields, and the relay dns.</summary>
    private static void Runs(FakeServer server, params Change[] changes)
    {
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.Receiver());
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });
        server.Daemon.StopRelay = _ => Task.FromResult(new StopRelayResponse());
        server.Daemon.Reload = request =>
            Task.FromResult(new ReloadTunnelResponse { Changes = { changes }, Applied = !request.DryRun });
    }

    private static List<(string? Name, string? Action, bool Applied)> Outcomes(CommandRun run) =>
        [
            .. run
                .Json.GetProperty("files")
                .EnumerateArray()
                .Select(f =>
                    (
                        f.GetProperty("name").GetString(),
                        f.GetProperty("action").GetString(),
                        f.GetProperty("applied").GetBoolean()
                    )
                ),
        ];
}
