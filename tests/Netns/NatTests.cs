// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>A client behind a router that replaces its address and port, as a hotspot does.</summary>
public sealed class NatTests
{
    [Fact]
    public async Task Pings_and_tcp_go_both_ways_through_nat()
    {
        await using var lab = await Lab.BehindNatAsync();
        await lab.StartTunnelAsync();

        Assert.Equal(10, await lab.Client.PingAsync("10.0.0.1", count: 10));
        Assert.Equal(10, await lab.Server.PingAsync("10.0.0.2", count: 10));
        using var fromClient = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        using var fromServer = await TcpPair.OpenAsync(lab.Server, lab.Client, "10.0.0.2");
        await TcpPair.SayAsync(fromClient.Dialled, fromClient.Accepted);
        await TcpPair.SayAsync(fromClient.Accepted, fromClient.Dialled);
        await TcpPair.SayAsync(fromServer.Dialled, fromServer.Accepted);

        // The server sees the router, not the client.
        var peer = IPEndPoint.Parse((await lab.ServerStatusAsync()).Peer!);
        Assert.Equal("192.0.2.2", peer.Address.ToString());
        Assert.InRange(peer.Port, Lab.FirstNatPort, Lab.FirstNatPort + 999);
    }

    [Fact]
    public async Task A_client_that_only_listens_can_be_reached_through_nat_by_its_heartbeats()
    {
        await using var lab = await Lab.BehindNatAsync();
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        await lab.Client.Daemon.UpAsync(lab.ClientFile);

        // Nothing was sent inside the tunnel; the first heartbeat tells the server where the client is.
        await lab.Server.WaitForPingAsync("10.0.0.2");
        var status = await lab.ServerStatusAsync();
        Assert.True(status.Counter("heartbeatsIn") > 0, status.ToString());
        await lab.Client.Control.WaitForAsync("t", s => s.Counter("heartbeatsOut") >= 3, "a heartbeat a second");
    }

    [Fact]
    public async Task After_the_router_has_forgotten_everything_the_tunnel_goes_on_within_a_heartbeat()
    {
        await using var lab = await Lab.BehindNatAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);

        await lab.RebindAsync(50000);

        // Only the server wants to say something, to where nobody is any more, until the client's next heartbeat. A
        // heartbeat is due within two seconds: one of silence, and up to one until the clock that looks for it ticks.
        // The rest is for a slow machine.
        var took = await lab.Server.WaitForPingAsync("10.0.0.2", TimeSpan.FromSeconds(6));
        TestContext.Current.TestOutputHelper?.WriteLine($"reachable again after {took.TotalSeconds:0.0} s");
        var moved = await lab.Server.Control.WaitForEventAsync("peer_moved");
        Assert.Equal("t", moved.Tunnel);
        var status = await lab.ServerStatusAsync();
        Assert.InRange(IPEndPoint.Parse(status.Peer!).Port, 50000, 50999);
        Assert.Contains(status.Peer!, moved.Message, StringComparison.Ordinal);
        Assert.Equal(1, status.Counter("peerChanges"));
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
    }
}
