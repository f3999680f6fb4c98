// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>The smallest and the largest MTU, and what is between.</summary>
public sealed class MtuTests
{
    private const int IpAndIcmpHeader = 28;

    // 1500 bytes, less the headers of IP, UDP and the tunnel.
    private const int LongestOfPath = 1500 - 20 - 8 - 16;

    [Theory]
    [InlineData(576)]
    [InlineData(1280)]
    [InlineData(1472)]
    [InlineData(9000)]
    public async Task Packets_of_exactly_the_mtu_pass_and_larger_ones_are_refused_by_the_device(int mtu)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { Mtu = mtu });

        // What the path does not carry in one piece goes in fragments, if it may (docs/path-mtu.md).
        var isLong = mtu > LongestOfPath;
        var size = mtu - IpAndIcmpHeader;
        if (isLong)
        {
            await lab.Client.LearnPathAsync("10.0.0.1", size);
            await lab.Server.LearnPathAsync("10.0.0.2", size);
        }

        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: size, mayFragment: isLong));
        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3, size: size, mayFragment: isLong));
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", size: mtu - IpAndIcmpHeader + 1));
        await Transfer.BothWaysAsync(lab, 8 << 20);
        Assert.Equal(0, (await lab.ClientStatusAsync()).UnexpectedDrops);
        Assert.Equal(0, (await lab.ServerStatusAsync()).UnexpectedDrops);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("off")]
    public async Task With_the_largest_mtu_all_that_a_datagram_can_carry_passes_and_tcp_does_not_stall(string offload)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { Mtu = 65_520, Offload = offload });
        var device = (await lab.ClientStatusAsync()).Device;
        Assert.Contains(
            "mtu 65520",
            await lab.Client.Namespace.RunAsync("ip", "link", "show", device),
            StringComparison.Ordinal
        );

        // A datagram carries 65,507 bytes over IPv4, of which the magic takes 16.
        const int Largest = 65_507 - 16;
        const int Size = Largest - IpAndIcmpHeader;
        await lab.Client.LearnPathAsync("10.0.0.1", Size);
        await lab.Server.LearnPathAsync("10.0.0.2", Size);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: Size, mayFragment: true));
        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3, size: Size, mayFragment: true));
        Assert.Equal(0, (await lab.ClientStatusAsync()).UnexpectedDrops);
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", size: Size + 1));

        // TCP would use all of the MTU, and nobody could tell it to use less.
        await Transfer.BothWaysAsync(lab, 64 << 20);
        Assert.Equal(0, (await lab.ClientStatusAsync()).UnexpectedDrops);
        Assert.Equal(0, (await lab.ServerStatusAsync()).UnexpectedDrops);
    }

    [Fact]
    public async Task Ends_with_different_mtus_understand_each_other()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(server: file => file with { Mtu = 9000 }, client: file => file with { Mtu = 1280 });

        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3, size: 1280 - IpAndIcmpHeader));
        await Transfer.BothWaysAsync(lab, 8 << 20);
    }
}
