// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>The main job: two hosts, a file at each end, and packets go both ways.</summary>
public sealed class TwoHostsTests
{
    [Fact]
    public async Task Pings_go_both_ways_and_are_counted_exactly()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { HeartbeatInterval = 0 });
        var before = await lab.ClientStatusAsync();
        var serverBefore = await lab.ServerStatusAsync();

        Assert.Equal(40, await lab.Client.PingAsync("10.0.0.1", count: 40, size: 100));
        Assert.Equal(25, await lab.Server.PingAsync("10.0.0.2", count: 25, size: 200));

        // A packet is the data, 8 bytes of ICMP header and 20 of IP header; each ping is one there and one back.
        const int Packets = 40 + 25;
        const int Bytes = (40 * 128) + (25 * 228);
        foreach (
            var (was, status) in new[]
            {
                (before, await lab.ClientStatusAsync()),
                (serverBefore, await lab.ServerStatusAsync()),
            }
        )
        {
            Assert.Equal(Packets, status.Counter("packetsOut") - was.Counter("packetsOut"));
            Assert.Equal(Packets, status.Counter("packetsIn") - was.Counter("packetsIn"));
            Assert.Equal(Bytes, status.Counter("bytesOut") - was.Counter("bytesOut"));
            Assert.Equal(Bytes, status.Counter("bytesIn") - was.Counter("bytesIn"));
            Assert.Equal(0, status.AllDrops);
            Assert.Equal("running", status.State);
        }
    }

    [Fact]
    public async Task Tcp_connects_both_ways_and_carries_both_ways()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();

        using (var fromClient = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1"))
        {
            await TcpPair.SayAsync(fromClient.Dialled, fromClient.Accepted);
            await TcpPair.SayAsync(fromClient.Accepted, fromClient.Dialled);
        }

        using var fromServer = await TcpPair.OpenAsync(lab.Server, lab.Client, "10.0.0.2");
        await TcpPair.SayAsync(fromServer.Dialled, fromServer.Accepted);
        await TcpPair.SayAsync(fromServer.Accepted, fromServer.Dialled);
    }
}
