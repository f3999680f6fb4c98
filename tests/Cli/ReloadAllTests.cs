// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class ReloadAllTests
{
    private static readonly FileOutcome Live = new()
    {
        File = "/etc/udptunnel/tunnels.d/home.json",
        Name = "home",
        Action = FileAction.Change,
        Changes =
        {
            new Change
            {
                Field = "AllowedPorts",
                Before = "22",
                After = "22, 80",
            },
        },
    };

    private static readonly FileOutcome Gone = new()
    {
        File = "/etc/udptunnel/tunnels.d/old.json",
        Name = "old",
        Action = FileAction.Stop,
    };

    private static readonly FileOutcome Wrong = new()
    {
        File = "/etc/udptunnel/tunnels.d/bad.json",
        Name = "bad",
        Action = FileAction.Refuse,
        Problem = "/etc/udptunnel/tunnels.d/bad.json:2:8: Mtu: 1 is too small",
        Diagnostics =
        {
            new Diagnostic
            {
                Severity = Severity.Error,
                Line = 2,
                Column = 8,
                Field = "Mtu",
                Message = "1 is too small",
            },
        },
    };

    [Fact]
    public async Task What_changes_while_it_runs_is_shown_and_applied_without_a_question()
    {
        await using var server = await FakeServer.StartAsync();
        Wants(server, Live);

        var run = await CommandRun.OfAsync(server, "reload", "--all");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            "home changes while it runs (/etc/udptunnel/tunnels.d/home.json)\n  AllowedPorts: 22 -> 22, 80\nhome was changed.\n",
            run.Output.ToString()
        );
        Assert.Equal([(true, false), (false, false)], Requests(server));
    }

    [Fact]
    public async Task What_interrupts_needs_consent_where_nobody_can_be_asked()
    {
        await using var server = await FakeServer.StartAsync();
        Wants(server, Live, Gone);

        var refused = await CommandRun.OfAsync(server, "reload", "--all");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("this interrupts 'old'", refused.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal([(true, false)], Requests(server));

        var agreed = await CommandRun.OfAsync(server, "reload", "--all", "--yes", "--json");
        Assert.Equal(0, agreed.ExitCode);
        Assert.Equal("stop", agreed.Json.GetProperty("files")[1].GetProperty("action").GetString());
        Assert.True(agreed.Json.GetProperty("files")[1].GetProperty("applied").GetBoolean());
        Assert.Equal((false, true), Requests(server)[^1]);
    }

    [Fact]
    public async Task A_file_with_a_mistake_is_shown_with_its_place_and_fails_the_command()
    {
        await using var server = await FakeServer.StartAsync();
        Wants(server, Wrong);

        var run = await CommandRun.OfAsync(server, "reload", "--all");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(
            "  /etc/udptunnel/tunnels.d/bad.json:2:8: Mtu: 1 is too small\n",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Contains("Nothing to change.", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("not everything is as its file says: bad", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal([(true, false)], Requests(server));

        var json = await CommandRun.OfAsync(server, "reload", "--all", "--json");
        Assert.Equal(1, json.ExitCode);
        Assert.Equal("refuse", json.Json.GetProperty("files")[0].GetProperty("action").GetString());
    }

    [Theory]
    [InlineData("reload", "--all", "home")]
    [InlineData("reload", "home")]
    [InlineData("reload")]
    public async Task Half_a_command_is_wrong_usage(params string[] arguments)
    {
        await using var server = await FakeServer.StartAsync();

        Assert.Equal(2, (await CommandRun.OfAsync(server, arguments)).ExitCode);
        Assert.Empty(server.Daemon.Requests);
    }

    private static void Wants(FakeServer server, params FileOutcome[] outcomes) =>
        server.Daemon.ReloadDirectory = request =>
        {
            var answer = new ReloadDirectoryResponse { Outcomes = { outcomes.Select(o => o.Clone()) } };
            foreach (var outcome in answer.Outcomes)
            {
                outcome.Applied = !request.DryRun && outcome.Action != FileAction.Refuse;
            }

            return Task.FromResult(answer);
        };

    private static List<(bool DryRun, bool AllowRestart)> Requests(FakeServer server) =>
        [.. server.Daemon.Requests.Cast<ReloadDirectoryRequest>().Select(r => (r.DryRun, r.AllowRestart))];
}
