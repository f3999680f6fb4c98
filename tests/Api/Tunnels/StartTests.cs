// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Tunnels;

/// <summary>StartTunnel and StopTunnel.</summary>
public sealed class StartTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private TunnelService.TunnelServiceClient Client => fixture.Channel.Tunnels;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_started_server_is_described_in_full()
    {
        Requirements.Tun();
        var answer = await StartAsync(
            Configurations.Start(
                "full",
                1,
                ", \"TunnelDevice\": \"full0\", \"Mtu\": 1400, \"HeartbeatInterval\": 7, \"PacketMagic\": \"very-secret\""
            )
        );

        var tunnel = answer.Tunnel;
        Assert.Empty(answer.Warnings);
        Assert.Equal("full", tunnel.Name);
        Assert.Equal(TunnelMode.Server, tunnel.Mode);
        Assert.Equal(TunnelState.Waiting, tunnel.State);
        Assert.Equal("", tunnel.Problem);
        Assert.Equal("full0", tunnel.Device);
        Assert.Equal("10.99.1.1/24", tunnel.TunnelAddress);
        Assert.Equal($":{Configurations.Port(1)}", tunnel.NetworkAddress);
        Assert.Equal((uint)Configurations.Port(1), tunnel.LocalPort);
        Assert.Equal(1400u, tunnel.Mtu);
        Assert.Equal([(22u, 22u), (8000u, 8010u)], tunnel.AllowedPorts.Select(r => (r.First, r.Last)));
        Assert.False(tunnel.Firewall);
        Assert.False(tunnel.Ephemeral);
        Assert.InRange(
            DateTimeOffset.UtcNow - tunnel.Started.ToDateTimeOffset(),
            TimeSpan.Zero,
            TimeSpan.FromMinutes(1)
        );
        Assert.Equal("", tunnel.Peer.Endpoint);
        Assert.Null(tunnel.Peer.LastHeard);
        Assert.Equal(7u, tunnel.HeartbeatInterval);
        Assert.Equal(0u, tunnel.Counters.Flows);
        Assert.DoesNotContain("very-secret", tunnel.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("very-secret", fixture.Daemon.Process.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_and_its_server_find_each_other()
    {
        Requirements.Tun();
        await StartAsync(Configurations.Start("pair-server", 2));
        var client = await StartAsync(
            new StartTunnelRequest
            {
                Name = "pair-client",
                Configuration = Configurations.Client(2),
                Ephemeral = true,
            }
        );

        Assert.Equal(TunnelMode.Client, client.Tunnel.Mode);
        Assert.True(client.Tunnel.Ephemeral);
        Assert.NotEqual(0u, client.Tunnel.LocalPort);
        Tunnel server = await OneAsync("pair-server");
        await Eventually.BecomesTrueAsync(
            async () => (server = await OneAsync("pair-server")).State == TunnelState.Running,
            () => $"the server is {server}"
        );
        Assert.Equal($"127.0.0.1:{client.Tunnel.LocalPort}", server.Peer.Endpoint);
        Assert.NotNull(server.Peer.LastHeard);
        Assert.Equal(1ul, server.Counters.HeartbeatsIn);
        Assert.Equal($"127.0.0.1:{Configurations.Port(2)}", (await OneAsync("pair-client")).Peer.Endpoint);
    }

    [Fact]
    public async Task A_log_file_that_a_caller_names_is_not_opened_and_comes_back_as_a_warning()
    {
        Requirements.Tun();
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var answer = await StartAsync(Configurations.Start("warned", 3, $",\n\"LogFile\": \"{path}\""));

        var warning = Assert.Single(answer.Warnings, w => w.Field != "PacketMagic");
        Assert.Equal(Severity.Warning, warning.Severity);
        Assert.Equal((2, "LogFile"), (warning.Line, warning.Field));
        Assert.NotEmpty(warning.Message);
        Assert.False(File.Exists(path), "the daemon has opened a path that a caller names");
    }

    [Fact]
    public async Task The_request_s_name_stands_before_the_configuration_s()
    {
        Requirements.Tun();
        Assert.Equal(
            "given",
            (await StartAsync(Configurations.Start("given", 4, ", \"Name\": \"written\""))).Tunnel.Name
        );
        Assert.Equal("written", (await StartAsync(Configurations.Start("", 5, ", \"Name\": \"written\""))).Tunnel.Name);
    }

    [Fact]
    public async Task A_stopped_tunnel_shows_its_last_counters_and_is_gone()
    {
        Requirements.Tun();
        await StartAsync(Configurations.Start("short", 6));

        var stopped = await Client.StopTunnelAsync(
            new StopTunnelRequest { Name = "short" },
            cancellationToken: Cancellation
        );

        Assert.Equal("short", stopped.Tunnel.Name);
        Assert.NotNull(stopped.Tunnel.Counters);
        Assert.Empty(Directory.EnumerateFiles(fixture.Daemon.StateDirectory, "short*", SearchOption.AllDirectories));
        (
            await Failure.OfAsync(
                Client.StopTunnelAsync(new StopTunnelRequest { Name = "short" }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        Assert.Equal(
            Configurations.Port(6),
            (int)(await StartAsync(Configurations.Start("short", 6))).Tunnel.LocalPort
        );
    }

    [Fact]
    public async Task What_is_taken_is_told_and_nothing_is_left_behind()
    {
        Requirements.Tun();
        await StartAsync(Configurations.Start("first", 7, ", \"TunnelDevice\": \"first0\""));

        (await FailureAsync(Configurations.Start("first", 8))).Is(StatusCode.AlreadyExists, "NAME_TAKEN");
        (await FailureAsync(Configurations.Start("second", 8, ", \"TunnelDevice\": \"first0\""))).Is(
            StatusCode.AlreadyExists,
            "DEVICE_TAKEN"
        );
        (await FailureAsync(Configurations.Start("second", 8, ", \"TunnelDevice\": \"lo\""))).Is(
            StatusCode.AlreadyExists,
            "DEVICE_TAKEN"
        );
        (await FailureAsync(Configurations.Start("second", 7))).Is(StatusCode.AlreadyExists, "PORT_TAKEN");

        // The port that was opened before the device was refused is free again.
        Assert.Equal("second", (await StartAsync(Configurations.Start("second", 8))).Tunnel.Name);
    }

    [Fact]
    public async Task A_bad_configuration_is_answered_with_line_column_and_field()
    {
        const string Text = """
            {
              "TunnelAddress": "fe80::1",
              "NetworkAddress": ":8000",
              "AllowedPorts": [22, 70000],
              "Heartbeat": 5
            }
            """;

        var failure = (await FailureAsync(new StartTunnelRequest { Name = "bad", Configuration = Text })).Is(
            StatusCode.InvalidArgument,
            "INVALID_CONFIGURATION"
        );

        Assert.Equal(
            [(2, 20, "TunnelAddress"), (4, 24, "AllowedPorts[1]"), (5, 3, "Heartbeat")],
            failure.Diagnostics.Select(d => (d.Line, d.Column, d.Field))
        );
        Assert.All(failure.Diagnostics, d => Assert.Equal(Severity.Error, d.Severity));
        Assert.Contains("70000", failure.Diagnostics[1].Message, StringComparison.Ordinal);
        Assert.Contains("HeartbeatInterval", failure.Diagnostics[2].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\0\u0001\u001b[31m")]
    public async Task A_text_that_is_no_configuration_is_refused(string text)
    {
        var failure = (await FailureAsync(new StartTunnelRequest { Name = "bad", Configuration = text })).Is(
            StatusCode.InvalidArgument,
            "INVALID_CONFIGURATION"
        );

        Assert.NotEmpty(failure.Diagnostics);
        Assert.All(failure.Diagnostics, d => Assert.DoesNotContain(d.Message, char.IsControl));
    }

    [Fact]
    public async Task A_configuration_without_any_name_is_refused() =>
        (await FailureAsync(new StartTunnelRequest { Configuration = Configurations.Server(9) })).Is(
            StatusCode.InvalidArgument,
            "INVALID_CONFIGURATION"
        );

    [Fact]
    public async Task A_relay_s_configuration_is_no_tunnel_s() =>
        (
            await FailureAsync(
                new StartTunnelRequest
                {
                    Name = "relay",
                    Configuration = """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353"}""",
                }
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");

    [Fact]
    public async Task Twenty_callers_of_one_name_start_one_tunnel()
    {
        Requirements.Tun();
        var calls = await Task.WhenAll(
            Enumerable
                .Range(0, 20)
                .Select(async _ =>
                {
                    try
                    {
                        await StartAsync(Configurations.Start("race", 10));
                        return "started";
                    }
                    catch (RpcException e)
                    {
                        return Failure.Of(e).Reason;
                    }
                })
        );

        Assert.Equal("started", Assert.Single(calls, c => c == "started"));
        Assert.Equal(19, calls.Count(c => c == "NAME_TAKEN"));
    }

    private async Task<StartTunnelResponse> StartAsync(StartTunnelRequest request) =>
        await Client.StartTunnelAsync(request, cancellationToken: Cancellation);

    private Task<Failure> FailureAsync(StartTunnelRequest request) =>
        Failure.OfAsync(Client.StartTunnelAsync(request, cancellationToken: Cancellation));

    private async Task<Tunnel> OneAsync(string name) =>
        (
            await Client.ListTunnelsAsync(new ListTunnelsRequest { Names = { name } }, cancellationToken: Cancellation)
        ).Tunnels.Single();
}
