// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// The wall clock jumps, and the monotonic one is far along. What a session makes of either: Unit.StateTests and
/// Unit.FlowTableTests.
/// </summary>
public sealed class ClockTests
{
    [Theory]
    [InlineData("+36500d")]
    [InlineData("-3650d")]
    [InlineData("+1h")]
    [InlineData("-1h")]
    public async Task A_wall_clock_that_jumps_changes_nothing_but_the_times_that_are_shown(string jump)
    {
        using var clock = new WallClock();
        await using var lab = await Lab.TwoHostsAsync();
        lab.Server.AddDaemon(clock.Launcher);
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        await download.WaitForMoreAsync();

        clock.Set(jump);

        await download.WaitForMoreAsync();
        await lab.Server.Control.RunAsync(
            "up",
            lab.Server.Daemon.Write(
                lab.ServerFile with
                {
                    Name = "after",
                    TunnelAddress = "10.1.0.1",
                    NetworkAddress = ":8001",
                }
            )
        );

        await lab.Server.Control.WaitForAsync("t", s => s.State == "running", "the tunnel to run");
        await download.WaitForMoreAsync();
        await download.FinishAsync();
        var shown = (await lab.Server.Control.RunAsync("events"))
            .Json.GetProperty("events")
            .EnumerateArray()
            .Last()
            .GetProperty("time")
            .GetDateTimeOffset();
        Assert.True(
            (shown - DateTimeOffset.UtcNow).Duration() > TimeSpan.FromMinutes(50),
            $"the clock did not jump: {shown}"
        );
    }

    [Fact]
    public async Task A_tunnel_that_cannot_start_is_tried_again_though_the_clock_was_set_back()
    {
        using var clock = new WallClock();
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.AddDaemon(clock.Launcher);
        await lab.StartTunnelAsync();
        await daemon.KillAsync();
        using (var taken = lab.Server.Open(SocketType.Dgram))
        {
            taken.Bind(new IPEndPoint(IPAddress.Any, 8000));
            await daemon.StartAsync();
            await daemon.Control.WaitForAsync("t", s => s.State == "failed", "the tunnel to be shown as failed");
            clock.Set("-3650d");
        }

        await lab.Client.WaitForPingAsync("10.0.0.1");
    }

    [Theory]
    [InlineData(30L)]
    [InlineData(60L)]
    [InlineData(20_000L)]
    public async Task A_machine_that_has_been_up_for_long_is_like_any_other(long days)
    {
        Requirements.Command("unshare", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        var seconds = (days * 24 * 60 * 60).ToString(CultureInfo.InvariantCulture);

        // Milliseconds of the monotonic clock in 32 bits would run over after 25 or 50 days, microseconds in 53 after
        // 104,249.
        lab.Server.AddDaemon("unshare", "--time", "--monotonic", seconds, "--boottime", seconds, "--");
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);

        var status = await lab.ServerStatusAsync();
        Assert.Equal("running", status.State);
        Assert.Equal(0, status.AllDrops);

        // From one such machine to another, as a state directory that is moved: the flow is still known.
        await lab.Server.Daemon.WaitUntilSavedAsync("t", TunnelFile.Allowed);
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }
}
