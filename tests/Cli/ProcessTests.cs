// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>The real program: what depends on the process, its streams and signals.</summary>
public sealed class ProcessTests
{
    [Fact]
    public async Task The_program_finds_the_socket_in_the_environment()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var (exitCode, output, error) = await ShellAsync(server, "$CTL status && $CTL status nobody");

        Assert.StartsWith("home: running, up ", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', output);
        Assert.Equal(5, exitCode);
        Assert.StartsWith("udptunnelctl: there is no tunnel or relay 'nobody'\n", error, StringComparison.Ordinal);
    }

    /// <summary>What is no failure is written there, too, and by nothing but the process's own stream.</summary>
    [Fact]
    public async Task A_warning_reaches_standard_error()
    {
        await using var server = await FakeServer.StartAsync();
        var tunnel = Samples.Server();
        tunnel.File = "/etc/udptunnel/tunnels.d/home.json";
        server.Daemon.Has(tunnel);
        server.Daemon.ListRelays = _ => Task.FromResult(new ListRelaysResponse());
        server.Daemon.UpdatePorts = _ => Task.FromResult(new UpdatePortsResponse());

        var (exitCode, _, error) = await ShellAsync(server, "$CTL ports home allow 443");

        Assert.Equal(0, exitCode);
        Assert.Contains("home comes from /etc/udptunnel/tunnels.d/home.json", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_ends_a_watch_with_0(string signal)
    {
        await using var server = await FakeServer.StartAsync();
        Endless(server);

        var (exitCode, output, _) = await ShellAsync(
            server,
            "coproc $CTL stats --watch --interval 100ms; pid=$COPROC_PID; read -r line <&${COPROC[0]}; echo \"$line\"; "
                + $"kill -{signal} $pid; wait $pid"
        );

        Assert.Contains("home", output, StringComparison.Ordinal);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    public async Task A_reader_that_goes_ends_a_watch()
    {
        await using var server = await FakeServer.StartAsync();
        Endless(server);

        var (_, output, error) = await ShellAsync(
            server,
            "$CTL stats --watch --json | head -n 1; echo ${PIPESTATUS[0]}"
        );

        Assert.EndsWith("}\n0\n", output, StringComparison.Ordinal);
        Assert.Equal("", error);
    }

    /// <summary>
    /// Before the first byte, or after the first line of more than a pipe holds; whatever is written and wherever.
    /// </summary>
    [Theory]
    [InlineData("relay receiver --help")]
    [InlineData("help")]
    [InlineData("--version")]
    [InlineData("version")]
    [InlineData("status")]
    [InlineData("status --json")]
    [InlineData("stats")]
    [InlineData("events")]
    [InlineData("completion bash")]
    [InlineData("__complete down ''")]
    public async Task A_reader_that_goes_is_no_failure(string line)
    {
        await using var server = await FakeServer.StartAsync();
        Many(server);

        var (_, output, error) = await ShellAsync(
            server,
            $"$CTL {line} | (exec 0<&-); echo ${{PIPESTATUS[0]}}; "
                + $"$CTL {line} | head -n 1 > /dev/null; echo ${{PIPESTATUS[0]}}"
        );

        Assert.Equal(("0\n0\n", ""), (output, error));
    }

    [Theory]
    [InlineData(2, "nonsense")]
    [InlineData(2, "nonsense --json")]
    [InlineData(2, "")]
    [InlineData(3, "status --json --socket /nonexistent/s")]
    [InlineData(5, "status nobody")]
    public async Task A_failure_that_nobody_reads_is_still_one(int exitCode, string line)
    {
        await using var server = await FakeServer.StartAsync();
        Many(server);

        var (_, output, error) = await ShellAsync(server, $"{{ $CTL {line} 2>&1; echo $? >&2; }} | (exec 0<&-)");

        Assert.Equal(("", $"{exitCode}\n"), (output, error));
    }

    [Fact]
    public async Task Every_option_of_a_command_arrives()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ =>
            Task.FromResult(new StartRelayResponse { Relay = Relays.RelaySamples.PendingSender() });
        server.Daemon.UpdatePorts = _ => Task.FromResult(new UpdatePortsResponse());

        var (exitCode, _, error) = await ShellAsync(
            server,
            "$CTL relay sender --udp a:53 --tcp=b:5353 --name inside --protocol tls --idle-timeout 2m --max-flows 64 "
                + $"--ephemeral --receiver-key {Relays.RelaySamples.Key} && $CTL ports home allow 80 deny 22"
        );

        Assert.Equal((0, ""), (exitCode, error));
        var relay = Assert.IsType<StartRelayRequest>(server.Daemon.Requests.First());
        Assert.True(relay.Ephemeral);
        var expected = $$"""
            {"Name":"inside","Relay":"sender","UdpAddress":"a:53","TcpAddress":"b:5353","Protocol":"tls",
             "IdleTimeout":120,"MaxFlows":64,"ReceiverKey":"{{Relays.RelaySamples.Key}}"}
            """;
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(relay.Configuration)),
            relay.Configuration
        );
        Assert.IsType<UpdatePortsRequest>(server.Daemon.Requests.Last());
    }

    [Fact]
    public async Task Two_commands_may_share_one_file()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        var file = server.File("log", "");

        var (exitCode, _, _) = await ShellAsync(server, $"{{ $CTL ports home; $CTL ports home; }} > {file}");

        Assert.Equal(0, exitCode);
        Assert.Equal(2, (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)).Length);
    }

    [Fact]
    public async Task Output_that_cannot_be_written_is_a_failure()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var (exitCode, _, error) = await ShellAsync(server, "$CTL status > /dev/full");

        Assert.Equal(1, exitCode);
        Assert.Equal("udptunnelctl: cannot write the output: No space left on device\n", error);
    }

    [Fact]
    public async Task What_was_said_before_a_failure_stands_before_it()
    {
        await using var server = await FakeServer.StartAsync();
        var change = new Change
        {
            Field = "Mtu",
            Before = "1300",
            After = "1400",
            NeedsRestart = true,
        };
        server.Daemon.Reload = _ => Task.FromResult(new ReloadTunnelResponse { Changes = { change } });
        var file = server.File(
            "c.json",
            """{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22],"PacketMagic":"w"}"""
        );

        var (exitCode, output, _) = await ShellAsync(server, $"$CTL reload home {file} 2>&1 < /dev/null");

        Assert.Equal(1, exitCode);
        Assert.StartsWith(
            "home changes:\n  Mtu: 1300 -> 1400 (needs a restart)\nudptunnelctl: ",
            output,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_configuration_comes_through_a_pipe()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });

        var (exitCode, output, _) = await ShellAsync(
            server,
            """echo '{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22],"PacketMagic":"w"}' | $CTL up - --name home"""
        );

        Assert.Equal(0, exitCode);
        Assert.StartsWith("home is up", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_not_open_the_socket_is_told_which_group_may()
    {
        Assert.SkipWhen(System.Environment.IsPrivilegedProcess, "needs an ordinary user: root may open every socket");
        await using var server = await FakeServer.StartAsync();
        File.SetUnixFileMode(server.SocketPath, UnixFileMode.None);

        var (exitCode, _, error) = await ShellAsync(server, "$CTL status");

        Assert.Equal(4, exitCode);
        Assert.Contains("the group udptunnel", error, StringComparison.Ordinal);
    }

    private static void Many(FakeServer server)
    {
        var tunnels = Enumerable.Range(0, 200).Select(i => new Tunnel { Name = $"tunnel-{i}" }).ToArray();
        server.Daemon.Has(tunnels);
        server.Daemon.Has(Relays.RelaySamples.Receiver());
        var happened = tunnels.Select(t => new Event { Tunnel = t.Name, Message = new string('x', 1000) });
        server.Daemon.ListEvents = _ => Task.FromResult(new ListEventsResponse { Events = { happened } });
    }

    private static void Endless(FakeServer server)
    {
        server.Daemon.Has(Samples.Server());
        server.Daemon.Watch = async (_, writer, cancellation) =>
        {
            while (!cancellation.IsCancellationRequested)
            {
                await writer.WriteAsync(
                    new WatchTunnelsResponse
                    {
                        Time = Timestamp.FromDateTimeOffset(Samples.Now),
                        Tunnels = { Samples.Server() },
                    },
                    cancellation
                );
                await Task.Delay(20, cancellation);
            }
        };
    }

    /// <summary>Runs a line of bash in which <c>$CTL</c> is the program.</summary>
    private static async Task<(int ExitCode, string Output, string Error)> ShellAsync(FakeServer server, string line)
    {
        var cancellation = TestContext.Current.CancellationToken;

        // A run in the background of a shell ignores SIGINT, and so would all that it starts; what waits in vain ends
        // with 124.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "timeout", "60", "bash", "-c", line])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["CTL"] = BuiltProgram.Path, ["UDPTUNNEL_SOCKET"] = server.SocketPath },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var error = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return (process.ExitCode, await output, await error);
    }
}
