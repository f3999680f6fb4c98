// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>Packets that the kernel loses before the daemon sees them are counted like all others.</summary>
public sealed class KernelLossTests
{
    [Fact]
    public async Task What_overruns_the_queues_while_a_daemon_is_held_is_counted()
    {
        const int Packets = 40_000;
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        using var socket = lab.Client.Open(SocketType.Dgram);
        var target = new IPEndPoint(IPAddress.Parse("10.0.0.1"), TunnelFile.Allowed);
        var packet = new byte[200];

        // The client's own: its device's queue.
        await lab.Client.Daemon.SignalAsync("STOP");
        for (var i = 0; i < Packets; i++)
        {
            socket.SendTo(packet, target);
        }

        await lab.Client.Daemon.SignalAsync("CONT");
        var device = (await lab.ClientStatusAsync()).Device;
        var dropped = long.Parse(
            await lab.Client.Namespace.RunAsync("cat", $"/sys/class/net/{device}/statistics/tx_dropped"),
            System.Globalization.CultureInfo.InvariantCulture
        );
        Assert.True(dropped > 0, "the queue was long enough for all");
        await lab.Client.Control.WaitForAsync(
            "t",
            s => s.Drops("device_queue_full", "out") == dropped,
            $"{dropped} drops to be counted"
        );

        // The server's: its socket's buffer, which holds 16 MiB.
        await lab.Server.Daemon.SignalAsync("STOP");
        packet = new byte[1200];
        for (var i = 0; i < Packets; i++)
        {
            socket.SendTo(packet, target);
            if (i % 100 == 0)
            {
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }
        }

        await lab.Server.Daemon.SignalAsync("CONT");
        await lab.Server.Control.WaitForAsync("t", s => s.Drops("socket_queue_full", "in") > 0, "drops to be counted");
        Assert.Contains(
            "receive buffer",
            (await lab.Server.Control.TryAsync("doctor", "t")).ToString(),
            StringComparison.Ordinal
        );
    }
}
