// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>The network stops taking what it took before.</summary>
public sealed class OffloadRefusalTests
{
    [Fact]
    public async Task A_link_whose_mtu_shrinks_below_a_datagram_costs_the_offload_but_no_packet()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { HeartbeatInterval = 0 });
        using var first = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.Allowed);
        using var second = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.AlsoAllowed);
        await using var download = new Download(first.Accepted, first.Dialled);
        await using var upload = new Download(second.Dialled, second.Accepted);
        await download.WaitForMoreAsync();
        await upload.WaitForMoreAsync();

        // A datagram of 1,316 bytes now needs two packets, which a run cannot be: EMSGSIZE, or EINVAL before Linux
        // 6.14.
        foreach (var host in new[] { lab.Server, lab.Client })
        {
            await host.Namespace.IpAsync($"link set {Lab.Link} mtu 1280");
        }

        foreach (var host in new[] { lab.Server, lab.Client })
        {
            var refused = await host.Control.WaitForEventAsync("offload_disabled");
            Assert.Contains("UDP_SEGMENT", refused.Message, StringComparison.Ordinal);
            Assert.False((await host.Control.StatusAsync("t")).Offload("udpSegment"));
        }

        await download.WaitForMoreAsync();
        await upload.WaitForMoreAsync();
        await download.FinishAsync();
        await upload.FinishAsync();
        await AssertNothingLostAsync(lab);
    }

    [Fact]
    public async Task A_link_without_checksum_offload_loses_nothing()
    {
        Requirements.Command("ethtool", "ethtool");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { HeartbeatInterval = 0 });
        using var first = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.Allowed);
        await using var download = new Download(first.Accepted, first.Dialled);
        await download.WaitForMoreAsync();

        foreach (var host in new[] { lab.Server, lab.Client })
        {
            await host.Namespace.RunAsync("ethtool", "-K", Lab.Link, "tx-checksum-ip-generic", "off");
        }

        await download.WaitForMoreAsync();
        await download.FinishAsync();
        await AssertNothingLostAsync(lab);

        // Until Linux 6.11 a run is refused with EIO by such a device.
        if (Environment.OSVersion.Version < new Version(6, 11))
        {
            await lab.Server.Control.WaitForEventAsync("offload_disabled");
        }
    }

    private static async Task AssertNothingLostAsync(Lab lab)
    {
        // What one end sent the other got, as soon as nothing is under way any more. Questions to the other end about
        // itself and about the path (docs/reliability.md, docs/path-mtu.md) are counted where they arrive alone: there
        // are a few.
        await WaitFor.TrueAsync(
            async () =>
            {
                var server = await lab.ServerStatusAsync();
                var client = await lab.ClientStatusAsync();
                return client.Counter("packetsIn") - server.Counter("packetsOut") is >= 0 and < 20
                    && server.Counter("packetsIn") - client.Counter("packetsOut") is >= 0 and < 20;
            },
            "all packets to be counted at both ends"
        );
        Assert.Equal(0, (await lab.ServerStatusAsync()).AllDrops);
        Assert.Equal(0, (await lab.ClientStatusAsync()).AllDrops);
    }
}
