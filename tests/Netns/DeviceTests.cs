// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>What happens to the device behind the daemon's back.</summary>
public sealed class DeviceTests
{
    [Theory]
    [InlineData("tunnel0", null)]
    [InlineData(null, null)]
    [InlineData("tunnel0", "off")]
    public async Task A_device_that_is_deleted_is_reported_and_made_again(string? device, string? offload)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(server: file => file with { TunnelDevice = device, Offload = offload, Mtu = 1400 });
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        var before = await lab.ServerStatusAsync();

        // Twice, since what was made again must itself be watched.
        for (var i = 0; i < 2; i++)
        {
            var known = (await lab.Server.Control.EventsAsync()).Count;
            await lab.Server.Namespace.IpAsync($"link del {before.Device}");
            await lab.Client.WaitForPingAsync("10.0.0.1");
            await lab.Server.WaitForPingAsync("10.0.0.2");
            var news = (await lab.Server.Control.EventsAsync()).Skip(known).Select(e => e.Kind);
            Assert.Equal(
                ["device_lost", "device_recreated"],
                news.Where(kind => kind.StartsWith("device_", StringComparison.Ordinal))
            );
        }

        var status = await lab.ServerStatusAsync();
        Assert.Equal(before.Device, status.Device);
        Assert.Equal("running", status.State);
        Assert.Null(status.Problem);
        Assert.Contains(
            "mtu 1400",
            await lab.Server.Namespace.RunAsync("ip", "link", "show", before.Device),
            StringComparison.Ordinal
        );
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
    }

    [Fact]
    public async Task A_device_that_is_deleted_under_load_is_made_again_and_the_transfer_survives()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        using var other = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.AlsoAllowed);
        var device = (await lab.ServerStatusAsync()).Device;
        await using var download = new Download(connection.Accepted, connection.Dialled);
        await using var upload = new Download(other.Dialled, other.Accepted);
        for (var i = 0; i < 3; i++)
        {
            await download.WaitForMoreAsync();
            await upload.WaitForMoreAsync();
            await lab.Server.Namespace.IpAsync($"link del {device}");
            await lab.Server.WaitForPingAsync("10.0.0.2");
        }

        await download.WaitForMoreAsync();
        await upload.WaitForMoreAsync();
        await download.FinishAsync();
        await upload.FinishAsync();
    }

    [Fact]
    public async Task A_device_whose_name_was_taken_meanwhile_is_made_again_when_the_name_is_free()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(server: file => file with { TunnelDevice = "tunnel0" });

        // The daemon is held meanwhile, or it would be faster.
        await lab.Server.Daemon.SignalAsync("STOP");
        await lab.Server.Namespace.IpAsync("link del tunnel0\nlink add tunnel0 type veth peer name tunnel1\n");
        await lab.Server.Daemon.SignalAsync("CONT");
        var lost = await lab.Server.Control.WaitForAsync("t", s => s.State == "device_lost", "the loss to be seen");
        Assert.Contains("tunnel0", lost.Problem, StringComparison.Ordinal);
        await lab.Server.Namespace.IpAsync("link del tunnel0");

        await lab.Server.WaitForPingAsync("10.0.0.2");
        Assert.Equal("running", (await lab.ServerStatusAsync()).State);
    }

    [Fact]
    public async Task A_device_that_was_set_down_carries_again_when_it_is_set_up()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var device = (await lab.ServerStatusAsync()).Device;

        await lab.Server.Namespace.IpAsync($"link set {device} down");
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));
        var down = await lab.ServerStatusAsync();
        Assert.True(down.Drops("device_failed", "in") >= 3, down.ToString());

        await lab.Server.Namespace.IpAsync($"link set {device} up");
        await lab.Client.WaitForPingAsync("10.0.0.1");
    }
}
