// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli;
using UdpTunnel.Tests.Cli.Live;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class ReloadTests
{
    private const string Text =
        """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22], "PacketMagic": "w"}""";

    private static readonly Change Live = new()
    {
        Field = "AllowedPorts",
        Before = "[22]",
        After = "[22, 80]",
    };
    private static readonly Change Restart = new()
    {
        Field = "Mtu",
        Before = "1300",
        After = "1400",
        NeedsRestart = true,
    };

    [Fact]
    public async Task What_can_change_while_it_runs_is_shown_and_applied()
    {
        await using var server = await FakeServer.StartAsync();
        Differs(server, Live);

        var run = await CommandRun.OfAsync(server, "reload", "home", server.File("c.json", Text));

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            "home changes:\n  AllowedPorts: [22] -> [22, 80]\nApplied while it runs.\n",
            run.Output.ToString()
        );
        Assert.Equal([(true, false), (false, false)], Requests(server));
    }

    [Fact]
    public async Task A_restart_needs_consent_where_nobody_can_be_asked()
    {
        await using var server = await FakeServer.StartAsync();
        Differs(server, Live, Restart);
        var file = server.File("c.json", Text);

        var refused = await CommandRun.OfAsync(server, "reload", "home", file);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("  Mtu: 1300 -> 1400 (needs a restart)\n", refused.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("Repeat it with --yes", refused.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal([(true, false)], Requests(server));

        var agreed = await CommandRun.OfAsync(server, "reload", "home", file, "--yes", "--json");
        Assert.Equal(0, agreed.ExitCode);
        Assert.True(agreed.Json.GetProperty("applied").GetBoolean());
        Assert.True(agreed.Json.GetProperty("changes")[1].GetProperty("needsRestart").GetBoolean());
        Assert.Equal((false, true), Requests(server)[^1]);
    }

    [Theory]
    [InlineData("y\n", 0, 2)]
    [InlineData("Yes\n", 0, 2)]
    [InlineData("n\n", 1, 1)]
    [InlineData("\n", 1, 1)]
    [InlineData("", 1, 1)]
    public async Task On_a_terminal_the_restart_is_asked_for(string answer, int exitCode, int calls)
    {
        await using var server = await FakeServer.StartAsync();
        Differs(server, Restart);
        var terminal = new TerminalFacts { InputIsTerminal = true, ErrorIsTerminal = true };

        var run = await new CommandRun { Input = answer, Terminal = terminal }.RunAsync(
            server,
            "reload",
            "home",
            server.File("c.json", Text)
        );

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(
            "'home' has to restart for this. Apply it? [y/N] ",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal(calls, server.Daemon.Requests.OfType<ReloadTunnelRequest>().Count());
    }

    [Fact]
    public async Task Nothing_to_change_is_said_and_not_applied()
    {
        await using var server = await FakeServer.StartAsync();
        Differs(server);

        var run = await CommandRun.OfAsync(server, "reload", "home", server.File("c.json", Text));

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("nothing to change", run.Output.ToString().Replace('\n', ' '), StringComparison.Ordinal);
        Assert.Equal([(true, false)], Requests(server));
    }

    private static void Differs(FakeServer server, params Change[] changes) =>
        server.Daemon.Reload = request =>
            Task.FromResult(
                new ReloadTunnelResponse { Changes = { changes }, Applied = !request.DryRun && changes.Length > 0 }
            );

    private static List<(bool DryRun, bool AllowRestart)> Requests(FakeServer server) =>
        [.. server.Daemon.Requests.OfType<ReloadTunnelRequest>().Select(r => (r.DryRun, r.AllowRestart))];

    /// <summary>Somebody could be asked, but the difference went into a pipe that nobody reads.</summary>
    [Fact]
    public async Task A_change_that_nobody_has_read_is_not_applied()
    {
        await using var server = await FakeServer.StartAsync();
        Differs(server, Restart);
        var file = server.File("c.json", Text);
        await using var terminal = await TmuxTerminal.StartAsync(server);

        await terminal.RunAsync($"udptunnelctl reload home {file} | (exec 0<&-); echo ended with ${{PIPESTATUS[0]}}");

        await terminal.UntilAsync("ended with 1");
        Assert.Equal([(true, false)], Requests(server));
    }
}
