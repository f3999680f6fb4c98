// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class DoctorTests
{
    private static readonly Check Fine = new()
    {
        Id = "tun_device",
        Result = CheckResult.Ok,
        Message = "/dev/net/tun makes devices",
    };

    private static readonly Check Slow = new()
    {
        Id = "path_mtu",
        Subject = "home",
        Result = CheckResult.Warning,
        Message = "datagrams have up to 1344 bytes and the path carries 1330",
        Remedy = "\"Mtu\": 1286 at both ends",
    };

    private static readonly Check Broken = new()
    {
        Id = "dns",
        Subject = "home",
        Result = CheckResult.Failure,
        Message = "x.invalid does not resolve",
    };

    [Fact]
    public async Task Each_check_is_shown_with_what_mends_it_and_a_warning_is_no_failure()
    {
        await using var server = await FakeServer.StartAsync();
        Finds(server, Fine, Slow);

        var run = await CommandRun.OfAsync(server, "doctor");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(
            "ok    tun_device            /dev/net/tun makes devices\n",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\nhome\nwarn  path_mtu              datagrams have up to 1344 bytes and the path carries\n                            1330\n"
                + "                            -> \"Mtu\": 1286 at both ends\n",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.All(run.Output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task What_does_not_work_fails_the_command_and_JSON_stays_one_object()
    {
        await using var server = await FakeServer.StartAsync();
        Finds(server, Fine, Broken);

        var run = await CommandRun.OfAsync(server, "doctor", "home", "--json");

        Assert.Equal(1, run.ExitCode);
        Assert.False(run.Json.GetProperty("healthy").GetBoolean());
        var check = run.Json.GetProperty("checks")[2];
        Assert.Equal(
            ("dns", "home", "failure", "x.invalid does not resolve", null),
            (Text("id"), Text("subject"), Text("result"), Text("message"), Text("remedy"))
        );
        Assert.Contains(new DiagnoseRequest { Name = "home" }, server.Daemon.Requests);

        string? Text(string name) => check.GetProperty(name).GetString();
    }

    [Fact]
    public async Task A_daemon_of_another_version_is_told()
    {
        await using var server = await FakeServer.StartAsync();
        Finds(server, Fine);
        server.Daemon.GetDaemon = _ => Task.FromResult(new GetDaemonResponse { Version = "0.0.1" });

        var run = await CommandRun.OfAsync(server, "doctor", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("warning", run.Json.GetProperty("checks")[0].GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_daemon_that_does_not_answer_is_the_finding()
    {
        var json = await new CommandRun().RunAsync("doctor", "--json", "--socket", "/nonexistent/udptunneld.sock");

        Assert.Equal(3, json.ExitCode);
        Assert.Equal("failure", json.Json.GetProperty("checks")[0].GetProperty("result").GetString());
        Assert.Contains(
            "Start it with",
            json.Json.GetProperty("checks")[0].GetProperty("remedy").GetString(),
            StringComparison.Ordinal
        );
    }

    private static void Finds(FakeServer server, params Check[] checks)
    {
        server.Daemon.GetDaemon = _ => Task.FromResult(new GetDaemonResponse { Version = "0.1.0", Pid = 1 });
        server.Daemon.Diagnose = _ => Task.FromResult(new DiagnoseResponse { Checks = { checks } });
    }
}
