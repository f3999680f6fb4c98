// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>One command for several things.</summary>
public sealed class SeveralTests
{
    private const string Tunnel = """{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22]}""";

    [Fact]
    public async Task Down_stops_each_that_is_named_in_turn()
    {
        await using var server = await StoppingAsync();

        var text = await CommandRun.OfAsync(server, "down", "a", "b", "a");
        var json = await CommandRun.OfAsync(server, "down", "a", "b", "--json");

        Assert.Equal(0, text.ExitCode);
        Assert.Equal(
            ["a is down", "b is down"],
            text.Output.ToString().Split('\n').Where(l => l.EndsWith("is down", StringComparison.Ordinal))
        );
        Assert.Equal(["a", "b"], json.JsonLines.Select(l => l.GetProperty("tunnel").GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Down_stops_all_if_that_is_said()
    {
        await using var server = await StoppingAsync();
        var run = await CommandRun.OfAsync(server, "down", "--all");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["a", "b"], server.Daemon.Requests.OfType<StopTunnelRequest>().Select(r => r.Name));
        Assert.Equal(2, (await CommandRun.OfAsync(server, "down", "--all", "a")).ExitCode);
        Assert.Equal(2, (await CommandRun.OfAsync(server, "down")).ExitCode);
        server.Daemon.List = _ => Task.FromResult(new ListTunnelsResponse());
        Assert.Equal("Nothing runs.\n", (await CommandRun.OfAsync(server, "down", "--all")).Output.ToString());
    }

    /// <summary>
    /// What a command started does not come from the file, which nevertheless starts at the next reload.
    /// </summary>
    [Fact]
    public async Task Down_says_that_a_file_brings_it_back_also_if_a_command_started_it()
    {
        await using var server = await StoppingAsync();
        server.Daemon.ReloadDirectory = request =>
        {
            Assert.True(request.DryRun);
            var outcome = new FileOutcome
            {
                File = "/etc/udptunnel/tunnels.d/a.json",
                Name = "a",
                Action = FileAction.Start,
            };
            return Task.FromResult(new ReloadDirectoryResponse { Outcomes = { outcome } });
        };

        var run = await CommandRun.OfAsync(server, "down", "a");
        var other = await CommandRun.OfAsync(server, "down", "b");

        Assert.Contains(
            "/etc/udptunnel/tunnels.d/a.json describes it",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("describes it", other.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_wrong_name_keeps_down_from_no_other()
    {
        await using var server = await StoppingAsync();

        var text = await CommandRun.OfAsync(server, "down", "a", "nobody", "b");
        var json = await CommandRun.OfAsync(server, "down", "a", "nobody", "b", "--json");

        Assert.Equal(5, text.ExitCode);
        Assert.Contains("b is down", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("there is no tunnel or relay 'nobody'\n", text.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(5, json.ExitCode);
        Assert.Equal(["tunnel", "error", "tunnel"], json.JsonLines.Select(Member));
    }

    [Fact]
    public async Task Check_looks_at_each_file_and_at_all_of_a_directory()
    {
        await using var server = await FakeServer.StartAsync();
        var directory = Directory.CreateDirectory(server.File("tunnels.d"));
        var good = server.File("tunnels.d/good.json", Tunnel);
        var bad = server.File("tunnels.d/bad.json", "{}");
        var other = server.File("other.json", Tunnel);
        server.File("tunnels.d/notes.txt", "not looked at");

        var text = await new CommandRun().RunAsync("check", other, directory.FullName);
        var json = await new CommandRun().RunAsync("check", directory.FullName, "--json");
        var right = await new CommandRun().RunAsync("check", other, good);

        Assert.Equal(2, text.ExitCode);
        var lines = text.Output.ToString().ReplaceLineEndings(" ");
        Assert.Contains($"{other} is valid", lines, StringComparison.Ordinal);
        Assert.Contains($"{good} is valid", lines, StringComparison.Ordinal);
        Assert.StartsWith($"udptunnelctl: {bad} has ", text.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(["error", "valid"], json.JsonLines.Select(Member));
        Assert.Equal(0, right.ExitCode);
    }

    [Fact]
    public async Task A_directory_without_a_configuration_is_most_likely_the_wrong_one()
    {
        await using var server = await FakeServer.StartAsync();
        var directory = Directory.CreateDirectory(server.File("empty")).FullName;

        var run = await new CommandRun().RunAsync("check", directory);

        Assert.Equal(2, run.ExitCode);
        Assert.Equal(
            $"udptunnelctl: there is no configuration (*.json, *.conf) in {directory}\n",
            run.Error.ToString()
        );
    }

    [Fact]
    public async Task One_name_is_not_for_several_configurations()
    {
        await using var server = await FakeServer.StartAsync();
        var one = server.File("one.json", Tunnel);
        var two = server.File("two.json", Tunnel);

        var run = await new CommandRun().RunAsync("check", one, two, "--name", "x");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--name is of use only with one configuration", run.Error.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The first member behind the version.</summary>
    private static string Member(JsonElement line) => line.EnumerateObject().Skip(1).First().Name;

    private static async Task<FakeServer> StoppingAsync()
    {
        var server = await FakeServer.StartAsync();
        server.Daemon.Has(new Tunnel { Name = "a" }, new Tunnel { Name = "b" });
        server.Daemon.Stop = request =>
            request.Name is "a" or "b"
                ? Task.FromResult(new StopTunnelResponse { Tunnel = new Tunnel { Name = request.Name } })
                : throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", "there is no such tunnel");
        server.Daemon.StopRelay = _ =>
            throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_RELAY", "there is no such relay");
        return server;
    }
}
