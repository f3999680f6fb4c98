// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Tunnels;

/// <summary>ReloadTunnel and UpdatePorts.</summary>
public sealed class ChangeTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private TunnelService.TunnelServiceClient Client => fixture.Channel.Tunnels;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dry_run_shows_the_difference_and_changes_nothing()
    {
        var started = await StartAsync("dry", 1, ", \"PacketMagic\": \"old-secret\"");

        var answer = await ReloadAsync(
            new ReloadTunnelRequest
            {
                Name = "dry",
                Configuration = Configurations.Server(
                    1,
                    ", \"Mtu\": 1400, \"HeartbeatInterval\": 5, \"PacketMagic\": \"new-secret\""
                ),
                DryRun = true,
                AllowRestart = true,
            }
        );

        Assert.False(answer.Applied);
        Assert.Equal(
            [
                ("HeartbeatInterval", "25 s", "5 s", false),
                ("Mtu", "1300", "1400", true),
                ("PacketMagic", "(hidden)", "(hidden)", true),
            ],
            answer.Changes.Select(c => (c.Field, c.Before, c.After, c.NeedsRestart)).Order()
        );
        Assert.Equal(started, await OneAsync("dry", started));
    }

    [Fact]
    public async Task What_can_change_while_it_runs_is_changed_and_stored()
    {
        var started = await StartAsync("live", 2);
        var request = new ReloadTunnelRequest
        {
            Name = "live",
            Configuration = Configurations.Server(2, ", \"HeartbeatInterval\": 5"),
        };

        var answer = await ReloadAsync(request);

        Assert.True(answer.Applied);
        Assert.False(Assert.Single(answer.Changes).NeedsRestart);
        Assert.Equal(new Tunnel(started) { HeartbeatInterval = 5 }, await OneAsync("live", started));
        Assert.Contains("\"HeartbeatInterval\": 5", Stored("live"), StringComparison.Ordinal);
        var again = await ReloadAsync(request);
        Assert.False(again.Applied);
        Assert.Empty(again.Changes);
    }

    [Fact]
    public async Task A_restart_needs_permission()
    {
        var started = await StartAsync("restart", 3);
        var request = new ReloadTunnelRequest
        {
            Name = "restart",
            Configuration = Configurations.Server(3, ", \"Mtu\": 1400, \"HeartbeatInterval\": 5"),
        };

        (await FailureAsync(request)).Is(StatusCode.FailedPrecondition, "RESTART_REQUIRED");
        Assert.Equal(started, await OneAsync("restart", started));

        request.AllowRestart = true;
        Assert.True((await ReloadAsync(request)).Applied);
        var after = await OneAsync("restart", started);
        Assert.Equal((1400u, 5u), (after.Mtu, after.HeartbeatInterval));
        Assert.True(after.Started.ToDateTimeOffset() > started.Started.ToDateTimeOffset());
    }

    [Fact]
    public async Task A_reload_that_cannot_start_leaves_the_old_one_running()
    {
        var started = await StartAsync("stays", 4);

        (
            await FailureAsync(
                new ReloadTunnelRequest
                {
                    Name = "stays",
                    Configuration = Configurations.Server(4, ", \"TunnelDevice\": \"lo\""),
                    AllowRestart = true,
                }
            )
        ).Is(StatusCode.AlreadyExists, "DEVICE_TAKEN");

        var after = await OneAsync("stays", started);
        Assert.Equal(TunnelState.Waiting, after.State);
        Assert.Equal(started.LocalPort, after.LocalPort);
        Assert.DoesNotContain("\"lo\"", Stored("stays"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reload_keeps_the_name()
    {
        await StartAsync("named", 5);
        var answer = await ReloadAsync(
            new ReloadTunnelRequest
            {
                Name = "named",
                Configuration = Configurations.Server(5, ", \"Name\": \"other\""),
            }
        );

        // The request's name stands before the configuration's, as it does in StartTunnel.
        Assert.Empty(answer.Changes);
    }

    [Fact]
    public async Task A_reload_of_nothing_or_with_nothing_is_refused()
    {
        (await FailureAsync(new ReloadTunnelRequest { Configuration = Configurations.Server(6) })).Is(
            StatusCode.InvalidArgument,
            "INVALID_REQUEST"
        );
        (await FailureAsync(new ReloadTunnelRequest { Name = "nobody", Configuration = Configurations.Server(6) })).Is(
            StatusCode.NotFound,
            "NO_SUCH_TUNNEL"
        );
        (
            await FailureAsync(
                new ReloadTunnelRequest
                {
                    Name = "nobody",
                    Configuration = Configurations.Server(6),
                    DryRun = true,
                }
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        Assert.NotEmpty(
            (await FailureAsync(new ReloadTunnelRequest { Name = "nobody" }))
                .Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION")
                .Diagnostics
        );
    }

    [Fact]
    public async Task Ports_are_denied_first_and_allowed_then()
    {
        var started = await StartAsync("ports", 7);

        Assert.Equal("22 8000-8010", await PortsAsync(new UpdatePortsRequest { Name = "ports" }));
        Assert.Equal(
            "22-23 8001-8004 8006-8010",
            await PortsAsync(
                new UpdatePortsRequest
                {
                    Name = "ports",
                    Deny = { Range(8000, 8000), Range(8005, 8005), Range(22, 22) },
                    Allow = { Range(22, 23) },
                }
            )
        );
        Assert.Equal(
            "22-23 8001-8004 8006-8010",
            string.Join(' ', (await OneAsync("ports", started)).AllowedPorts.Select(Text))
        );
        Assert.Contains("\"8006-8010\"", Stored("ports"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ports_that_are_none_are_refused()
    {
        await StartAsync("strict", 8);
        foreach (
            var (first, last) in new[]
            {
                (0u, 1u),
                (1u, 0u),
                (2u, 1u),
                (65536u, 65536u),
                (1u, 65536u),
                (uint.MaxValue, uint.MaxValue),
            }
        )
        {
            var failure = await FailureAsync(
                new UpdatePortsRequest { Name = "strict", Allow = { Range(first, last) } }
            );
            Assert.Contains(
                $"{first}-{last}",
                failure.Is(StatusCode.InvalidArgument, "INVALID_REQUEST").Message,
                StringComparison.Ordinal
            );
        }

        (await FailureAsync(new UpdatePortsRequest { Name = "strict", Deny = { Range(1, 65535) } })).Is(
            StatusCode.InvalidArgument,
            "INVALID_REQUEST"
        );
        (await FailureAsync(new UpdatePortsRequest())).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
        (await FailureAsync(new UpdatePortsRequest { Name = "nobody" })).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        Assert.Equal("22 8000-8010", await PortsAsync(new UpdatePortsRequest { Name = "strict" }));
    }

    [Fact]
    public async Task The_most_ranges_are_taken_in_good_time()
    {
        await StartAsync("odd", 9);
        var odd = Enumerable.Range(0, 32_768).Select(i => Range((uint)(2 * i) + 1, (uint)(2 * i) + 1)).ToArray();
        var deadline = DateTime.UtcNow.AddSeconds(10);

        var allowed = await Client.UpdatePortsAsync(
            new UpdatePortsRequest { Name = "odd", Allow = { odd } },
            deadline: deadline,
            cancellationToken: Cancellation
        );
        var denied = await Client.UpdatePortsAsync(
            new UpdatePortsRequest { Name = "odd", Deny = { odd } },
            deadline: deadline,
            cancellationToken: Cancellation
        );

        // The even ports that were allowed before join their two neighbours: 22, and six of 8000 to 8010.
        Assert.Equal(32_768 - 1 - 6, allowed.AllowedPorts.Count);
        Assert.Equal("22 8000 8002 8004 8006 8008 8010", string.Join(' ', denied.AllowedPorts.Select(Text)));
    }

    private static PortRange Range(uint first, uint last) => new() { First = first, Last = last };

    private static string Text(PortRange range) =>
        range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}";

    private string Stored(string name) =>
        File.ReadAllText(Path.Combine(fixture.Daemon.StateDirectory, "tunnels", name + ".json"));

    private async Task<Tunnel> StartAsync(string name, int number, string more = "")
    {
        Requirements.Tun();
        var answer = await Client.StartTunnelAsync(
            Configurations.Start(name, number, more),
            cancellationToken: Cancellation
        );
        return await OneAsync(name, answer.Tunnel);
    }

    /// <summary>The tunnel, with rates as they were before: they change by themselves.</summary>
    private async Task<Tunnel> OneAsync(string name, Tunnel before)
    {
        var answer = await Client.ListTunnelsAsync(
            new ListTunnelsRequest { Names = { name } },
            cancellationToken: Cancellation
        );
        var tunnel = answer.Tunnels.Single();
        tunnel.Rates = before.Rates;
        return tunnel;
    }

    private async Task<ReloadTunnelResponse> ReloadAsync(ReloadTunnelRequest request) =>
        await Client.ReloadTunnelAsync(request, cancellationToken: Cancellation);

    private async Task<string> PortsAsync(UpdatePortsRequest request) =>
        string.Join(
            ' ',
            (await Client.UpdatePortsAsync(request, cancellationToken: Cancellation)).AllowedPorts.Select(Text)
        );

    private Task<Failure> FailureAsync(ReloadTunnelRequest request) =>
        Failure.OfAsync(Client.ReloadTunnelAsync(request, cancellationToken: Cancellation));

    private Task<Failure> FailureAsync(UpdatePortsRequest request) =>
        Failure.OfAsync(Client.UpdatePortsAsync(request, cancellationToken: Cancellation));
}
