// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>The network below the tunnel goes away and comes back.</summary>
public sealed class UnderlayTests
{
    [Theory]
    [InlineData("client")]
    [InlineData("server")]
    public async Task When_the_network_is_down_for_a_while_the_tunnel_goes_on_afterwards(string end)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var (near, target) = end == "client" ? (lab.Client, "10.0.0.1") : (lab.Server, "10.0.0.2");
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);

        await near.Namespace.IpAsync($"link set {Lab.Link} down");
        Assert.True(await near.IsSilentAsync(target, count: 3));
        var refused = await near.Control.WaitForEventAsync("sending_failed");
        Assert.Equal("warning", refused.Level);
        var down = await near.Control.StatusAsync("t");
        Assert.True(down.Drops("send_failed", "out") >= 3, down.ToString());

        await near.Namespace.IpAsync($"link set {Lab.Link} up");
        await near.WaitForPingAsync(target);
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }

    [Fact]
    public async Task A_server_that_is_not_there_yet_is_found_when_it_comes()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Client.Daemon.StartAsync();
        var started = await lab.Client.Daemon.UpAsync(lab.ClientFile);
        Assert.Equal("waiting", started.State);

        // The server's host answers with ICMP errors, which must not matter.
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Daemon.UpAsync(lab.ServerFile);

        await lab.Server.WaitForPingAsync("10.0.0.2");
        await lab.Client.Control.WaitForAsync("t", s => s.State == "running", "the tunnel to run");
    }

    [Fact]
    public async Task A_client_that_changes_its_address_is_followed()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");

        await lab.Client.Namespace.IpAsync(
            $"addr del 192.0.2.2/24 dev {Lab.Link}\naddr add 192.0.2.77/24 dev {Lab.Link}\n"
        );

        await lab.Server.WaitForPingAsync("10.0.0.2");
        var moved = await lab.Server.Control.WaitForEventAsync("peer_moved");
        Assert.Contains("192.0.2.77:", moved.Message, StringComparison.Ordinal);
        Assert.Equal("192.0.2.77", IPEndPoint.Parse((await lab.ServerStatusAsync()).Peer!).Address.ToString());
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }

    [Fact]
    public async Task A_tunnel_goes_over_ipv6_as_well()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "[2001:db8::1]:8000" });

        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal(5, await lab.Server.PingAsync("10.0.0.2", count: 5));
        Assert.StartsWith("[2001:db8::2]:", (await lab.ServerStatusAsync()).Peer, StringComparison.Ordinal);
        using var connection = await TcpPair.OpenAsync(lab.Server, lab.Client, "10.0.0.2");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted, 1_000_000);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled, 1_000_000);
    }
}
