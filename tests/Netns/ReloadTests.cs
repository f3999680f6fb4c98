// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary><c>reload</c>: another configuration for a tunnel that runs.</summary>
public sealed class ReloadTests
{
    [Fact]
    public async Task What_can_change_while_the_tunnel_runs_does_so_without_a_transfer_noticing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        var before = await lab.ClientStatusAsync();

        var result = await ReloadAsync(
            lab.Client,
            lab.ClientFile with
            {
                AllowedPorts = [TunnelFile.Allowed, 6001],
                HeartbeatInterval = 7,
            }
        );

        Assert.True(result.Json.GetProperty("applied").GetBoolean());
        Assert.Equal(
            ["AllowedPorts", "HeartbeatInterval"],
            result.Json.GetProperty("changes").EnumerateArray().Select(c => c.GetProperty("field").GetString()).Order()
        );
        await download.WaitForMoreAsync();
        await download.FinishAsync();
        var after = await lab.ClientStatusAsync();
        Assert.Equal(before.LocalPort, after.LocalPort);
        Assert.True(after.Counter("packetsIn") > before.Counter("packetsIn"), "the counters start again");
    }

    [Fact]
    public async Task What_needs_a_restart_asks_first_and_connections_survive_it()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        var file = lab.ServerFile with { Mtu = 1280 };

        var refused = await lab.Server.Control.TryAsync("reload", "t", lab.Server.Daemon.Write(file));
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Equal("restart_required", refused.Reason);
        Assert.Contains("mtu 1300", await DeviceAsync(lab), StringComparison.Ordinal);

        await ReloadAsync(lab.Server, file, "--yes");
        Assert.Contains("mtu 1280", await DeviceAsync(lab), StringComparison.Ordinal);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
    }

    [Fact]
    public async Task A_change_that_cannot_be_made_leaves_the_tunnel_as_it_was()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Server.Namespace.IpAsync("link add taken0 type veth peer name taken1\n");

        var failed = await lab.Server.Control.TryAsync(
            "reload",
            "t",
            lab.Server.Daemon.Write(lab.ServerFile with { TunnelDevice = "taken0" }),
            "--yes"
        );

        Assert.True(failed.ExitCode == 1, failed.ToString());
        Assert.Equal("device_taken", failed.Reason);
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal("running", (await lab.ServerStatusAsync()).State);
    }

    private static Task<ControlResult> ReloadAsync(Host host, TunnelFile file, params string[] options) =>
        host.Control.RunAsync(["reload", file.Name, host.Daemon.Write(file), .. options]);

    private static async Task<string> DeviceAsync(Lab lab) =>
        await lab.Server.Namespace.RunAsync("ip", "link", "show", (await lab.ServerStatusAsync()).Device);
}
