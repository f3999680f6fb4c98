// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;

namespace UdpTunnel.Tests.Cli;

public sealed class UsageTests
{
    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("up")]
    [InlineData("up a b")]
    [InlineData("up /nonexistent/x.json")]
    [InlineData("up x.json --timeout soon")]
    [InlineData("up x.json --name ../x")]
    [InlineData("down")]
    [InlineData("reload home")]
    [InlineData("status --watch")]
    [InlineData("status a b")]
    [InlineData("stats --interval 1s")]
    [InlineData("stats --watch --interval 1")]
    [InlineData("stats --watch --interval 99ms")]
    [InlineData("events --fellow")]
    [InlineData("ports home allow")]
    [InlineData("ports home 22")]
    [InlineData("ports home allow 0")]
    [InlineData("ports home allow 30-20")]
    [InlineData("ports home allow deny 22")]
    [InlineData("status --socket")]
    [InlineData("relay")]
    [InlineData("relay reciever")]
    [InlineData("relay receiver --udp :53")]
    [InlineData("relay receiver --udp 53x --tcp :5353")]
    [InlineData("relay receiver --udp :53 --tcp 99999")]
    [InlineData("relay receiver --udp example.com:53 --tcp :5353")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --receiver-key SHA256:x")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --protocol ssl")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --idle-timeout 0")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --idle-timeout 1500ms")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --idle-timeout soon")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --max-flows many")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --name ../x")]
    [InlineData("relay sender --udp :53 --tcp host:5353")]
    [InlineData("relay sender --udp dns:53 --tcp host:5353 --receiver-key SHA256:x")]
    [InlineData("relay accept-key dns")]
    [InlineData("relay accept-key dns SHA256:x")]
    [InlineData("approve")]
    [InlineData("deny a b")]
    public async Task Wrong_usage_ends_with_2_and_says_what_is_wrong(string line)
    {
        var run = await new CommandRun().RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith("udptunnelctl: ", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal("", run.Output.ToString());
    }

    [Theory]
    [InlineData("statsu", "Did you mean 'status'?")]
    [InlineData("status --jsno", "Did you mean '--json'?")]
    [InlineData("relay reciever", "Did you mean 'receiver'?")]
    [InlineData("relay sender --upd x:1", "'udptunnelctl relay sender --help'")]
    [InlineData("events --folow", "Did you mean '--follow'?")]
    [InlineData("stop home", "Did you mean 'down'?")]
    [InlineData("start home.json", "Did you mean 'up'?")]
    [InlineData("logs", "Did you mean 'events'?")]
    [InlineData("restart home", "Did you mean 'reload'?")]
    [InlineData("receiver --udp :53 --tcp :5353", "Did you mean 'relay receiver'?")]
    [InlineData("STATUS", "Did you mean 'status'?")]
    [InlineData("help stauts", "Did you mean 'status'?")]
    public async Task A_mistyped_word_gets_the_nearest_suggested(string line, string suggestion)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Contains(suggestion, run.Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("events -fx", "'-x' in '-fx' is not an option")]
    [InlineData("reload home c.json -yf", "'-f' in '-yf' is not an option")]
    [InlineData("events -x", "'-x' is not an option")]
    [InlineData("events --name=x", "'--name' is not an option")]
    [InlineData("up x.json --name a --name b", "'--name' is given twice")]
    [InlineData("status --socket /a --socket=/b", "'--socket' is given twice")]
    [InlineData("status --json=maybe", "'--json' takes no value")]
    [InlineData("events -f=maybe", "'-f' takes no value")]
    [InlineData("up x.json --name", "'--name' needs a value: NAME")]
    [InlineData("up x.json --name --json", "'--name' needs a value: NAME")]
    [InlineData("up", "CONFIG.json is missing")]
    [InlineData("up a.json b.json", "'b.json' is too much")]
    [InlineData("relay sender --udp dns:53", "--tcp is missing")]
    [InlineData("relay sender --udp 53 --tcp host:5353", "--udp: 53 is a port without a host: write HOST:53")]
    [InlineData("relay receiver --udp :53 --tcp :5353 --max-flows many", "--max-flows: 'many' is not a whole number")]
    [InlineData("help up x", "'x' is too much")]
    public async Task What_is_wrong_is_named(string line, string message)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"udptunnelctl: {message}", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_usage_is_json_too_if_json_was_asked_for()
    {
        var run = await new CommandRun().RunAsync("up", "--json");

        Assert.Equal(2, run.ExitCode);
        Assert.Equal("usage", run.Json.GetProperty("error").GetProperty("reason").GetString());
    }

    [Theory]
    [InlineData("up")]
    [InlineData("down")]
    [InlineData("reload")]
    [InlineData("check")]
    [InlineData("status")]
    [InlineData("stats")]
    [InlineData("events")]
    [InlineData("ports")]
    [InlineData("relay")]
    [InlineData("relay receiver")]
    [InlineData("relay sender")]
    [InlineData("relay accept-key")]
    [InlineData("senders")]
    [InlineData("approve")]
    [InlineData("deny")]
    [InlineData("revoke")]
    [InlineData("doctor")]
    [InlineData("whoami")]
    [InlineData("version")]
    [InlineData("help")]
    [InlineData("top")]
    public async Task The_help_of_each_command_has_an_example_and_fits_80_columns(string command)
    {
        var run = await new CommandRun().RunAsync([.. command.Split(' '), "--help"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains($"Examples:\n  udptunnelctl {command}", run.Output.ToString(), StringComparison.Ordinal);
        Assert.All(run.Output.ToString().Split('\n'), l => Assert.True(l.TrimEnd().Length <= 80, l));
    }

    [Fact]
    public async Task The_help_of_the_program_lists_the_exit_codes()
    {
        var run = await new CommandRun().RunAsync("--help");

        Assert.Contains("6 timed out", run.Output.ToString(), StringComparison.Ordinal);
        Assert.All(run.Output.ToString().Split('\n'), l => Assert.True(l.TrimEnd().Length <= 80, l));
    }

    [Fact]
    public async Task A_missing_socket_means_that_the_daemon_does_not_run()
    {
        var run = await new CommandRun().RunAsync("status", "--socket", "/nonexistent/s", "--json");

        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith(
            "udptunnelctl: udptunneld is not running (no socket at /nonexistent/s)\nStart it with",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal("no_socket", run.Json.GetProperty("error").GetProperty("reason").GetString());
    }

    [Fact]
    public async Task A_socket_that_nobody_listens_on_means_that_the_daemon_has_ended()
    {
        var directory = Directory.CreateTempSubdirectory("ctl-");
        var path = Path.Combine(directory.FullName, "s");
        using var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        left.Bind(new UnixDomainSocketEndPoint(path));

        var run = await new CommandRun().RunAsync("status", "--socket", path);
        directory.Delete(recursive: true);

        Assert.Equal(3, run.ExitCode);
        Assert.Contains($"nobody answers at {path}", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_takes_no_connections_is_not_waited_for()
    {
        var directory = Directory.CreateTempSubdirectory("ctl-");
        var path = Path.Combine(directory.FullName, "s");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        var waiting = new List<Socket>();
        try
        {
            // The kernel's queue is one longer than asked for.
            for (var i = 0; i < 2; i++)
            {
                waiting.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
                await waiting[^1]
                    .ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            }

            var run = await new CommandRun().RunAsync("status", "--socket", path);

            Assert.Equal(6, run.ExitCode);
            Assert.Contains("takes no connections", run.Error.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            waiting.ForEach(s => s.Dispose());
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_path_that_no_socket_can_have_is_wrong_usage()
    {
        var run = await new CommandRun().RunAsync("status", "--socket", new string('x', 108));

        Assert.Equal(2, run.ExitCode);
    }

    [Fact]
    public async Task Version_works_without_a_daemon()
    {
        var text = await new CommandRun().RunAsync("version", "--socket", "/nonexistent/s");
        var json = await new CommandRun().RunAsync("version", "--socket", "/nonexistent/s", "--json");

        Assert.Equal(0, text.ExitCode);
        Assert.Contains("is not running", text.Output.ToString().Replace('\n', ' '), StringComparison.Ordinal);
        Assert.Equal("no_socket", json.Json.GetProperty("problem").GetProperty("reason").GetString());
    }
}
