// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>Datagrams of somebody who does not know the magic.</summary>
public sealed class StrangerTests
{
    [Fact]
    public async Task Ends_with_different_magic_do_not_hear_each_other()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile with { PacketMagic = "tea" });
        await lab.Client.Daemon.UpAsync(lab.ClientFile with { PacketMagic = "coffee" });

        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));

        var server = await lab.ServerStatusAsync();
        Assert.True(server.Drops("magic", "in") >= 3, server.ToString());
        Assert.Null(server.Peer);
        Assert.Equal("waiting", server.State);
        Assert.Equal(0, server.Counter("packetsIn"));
    }

    [Fact]
    public async Task Garbage_of_all_lengths_is_counted_and_not_logged_and_changes_nothing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = "tea" });
        var before = await lab.ServerStatusAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        using var stranger = lab.Client.Open(SocketType.Dgram);
        var server = new IPEndPoint(IPAddress.Parse(lab.Server.Address), 8000);
        var content = new RandomContent(seed: 1);
        var buffer = new byte[65536];
        var sent = 0;

        // What it says of the peer takes its way through the log.
        await WaitFor.TrueAsync(
            () => Task.FromResult(lab.Server.Daemon.Log.Contains("the peer is", StringComparison.Ordinal)),
            "the log"
        );
        var log = lab.Server.Daemon.Log;
        var events = await lab.Server.Control.EventsAsync();
        foreach (var length in Enumerable.Range(0, 2000).Concat([9000, 30_000, 65_000, 65_506, 65_507]))
        {
            content.Fill(buffer);
            stranger.SendTo(buffer.AsSpan(0, length), server);
            sent++;

            // Not faster than they are taken, or the kernel drops some before the daemon can count them.
            if (sent % 100 == 0)
            {
                await lab.Server.Control.WaitForAsync(
                    "t",
                    s => s.Drops("magic", "in") == sent,
                    $"{sent} drops for a wrong magic"
                );
            }
        }

        var after = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Drops("magic", "in") == sent,
            $"{sent} drops for a wrong magic"
        );
        Assert.Equal(sent, after.AllDrops);
        Assert.Equal(before.Peer, after.Peer);
        Assert.Equal(0, after.Counter("peerChanges"));
        Assert.Equal(log, lab.Server.Daemon.Log);
        Assert.Equal(events, await lab.Server.Control.EventsAsync());
        await download.WaitForMoreAsync();
        await download.FinishAsync();
    }
}
