// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>Somebody renames the device or takes its address away. Deleted and set down: Netns.DeviceTests.</summary>
public sealed class DeviceTests
{
    [Fact]
    public async Task A_device_that_is_renamed_carries_on_and_is_removed_with_the_tunnel()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        var device = (await lab.ServerStatusAsync()).Device;

        await lab.Server.Namespace.IpAsync(
            $"link set {device} down\nlink set {device} name other0\nlink set other0 up\n"
        );

        await lab.Client.WaitForPingAsync("10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await lab.Server.Control.RunAsync("down", "t");
        Assert.Equal([Lab.Link], await lab.Server.Namespace.DevicesAsync());
    }

    [Fact]
    public async Task A_device_whose_address_was_taken_away_carries_again_when_it_has_one()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        var device = (await lab.ServerStatusAsync()).Device;

        await lab.Server.Namespace.IpAsync($"addr del 10.0.0.1/24 dev {device}");
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));
        Assert.Equal("running", (await lab.ServerStatusAsync()).State);

        await lab.Server.Namespace.IpAsync($"addr add 10.0.0.1/24 dev {device}");
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }
}
