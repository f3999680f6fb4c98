// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Proxy;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>
/// A file each way at once arrives as it was, with and without the kernel's offloads, on a good and on a bad network.
/// </summary>
public sealed class TransferTests
{
    /// <summary>Environment variable: MiB each way instead of the defaults.</summary>
    private const string SizeVariable = "UDPTUNNEL_TRANSFER_MIB";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData("auto", "auto")]
    [InlineData("off", "auto")]
    [InlineData("auto", "off")]
    [InlineData("off", "off")]
    public async Task A_file_each_way_at_once_arrives_intact(string server, string client)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(
            server: file => file with { Offload = server },
            client: file => file with { Offload = client }
        );

        await Transfer.BothWaysAsync(lab, Size(64), Patience);

        foreach (
            var (offload, status) in new[]
            {
                (server, await lab.ServerStatusAsync()),
                (client, await lab.ClientStatusAsync()),
            }
        )
        {
            Assert.Equal(offload == "auto", status.Offload("tunTcp"));
            Assert.Equal(offload == "auto", status.Offload("udpSegment"));
            Assert.Equal(offload == "auto", status.Offload("udpGro"));
        }
    }

    [Theory]
    [InlineData("auto", "auto")]
    [InlineData("auto", "off")]
    [InlineData("off", "off")]
    public async Task A_file_each_way_at_once_arrives_intact_over_a_network_that_drops_flips_doubles_and_swaps(
        string server,
        string client
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        using var proxy = new UdpProxy(
            lab.Server,
            IPEndPoint.Parse("192.0.2.1:9000"),
            IPEndPoint.Parse("192.0.2.1:8000"),
            Impairment.OfEach(0.002),
            seed: 42
        );
        await lab.StartTunnelAsync(
            server: file => file with { Offload = server },
            client: file => file with { Offload = client, NetworkAddress = "192.0.2.1:9000" }
        );

        await Transfer.BothWaysAsync(lab, Size(16), Patience, proxy);

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"to the server {proxy.ToServer}, to the client {proxy.ToClient}"
        );
        foreach (var counts in new[] { proxy.ToServer, proxy.ToClient })
        {
            Assert.True(counts is { Dropped: > 0, Flipped: > 0, Doubled: > 0, Swapped: > 0 }, counts.ToString());
        }
    }

    [Fact]
    public async Task A_file_each_way_at_once_arrives_intact_over_a_link_that_cuts_trains()
    {
        Requirements.Command("ethtool", "ethtool");
        await using var lab = await Lab.TwoHostsAsync();
        foreach (var host in new[] { lab.Server, lab.Client })
        {
            await host.Namespace.RunAsync(
                "ethtool",
                "-K",
                Lab.Link,
                "tso",
                "off",
                "gso",
                "off",
                "tx-udp-segmentation",
                "off"
            );
        }

        await lab.StartTunnelAsync();

        await Transfer.BothWaysAsync(lab, Size(64), Patience);
    }

    private static long Size(int mebibytes) =>
        long.Parse(
            Environment.GetEnvironmentVariable(SizeVariable) ?? mebibytes.ToString(CultureInfo.InvariantCulture),
            CultureInfo.InvariantCulture
        ) << 20;
}
