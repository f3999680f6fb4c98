// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>A server with two addresses, and a client whose firewall lets in answers alone.</summary>
public sealed class AnswerAddressTests
{
    private const string Second = "192.0.2.22";

    [Fact]
    public async Task Answers_leave_from_the_address_that_was_called_and_go_on_when_it_is_gone()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync($"addr add {Second}/24 dev {Lab.Link}");
        await lab.Client.Namespace.RunAsync(
            "nft",
            "add table ip f; add chain ip f in { type filter hook input priority 0; policy drop; };"
                + $"add rule ip f in iifname != \"{Lab.Link}\" accept; add rule ip f in ct state established,related accept"
        );

        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = $"{Second}:8000" });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: 1000));

        // When it is gone, the kernel chooses another one, and no packet is lost by that.
        var before = await lab.ServerStatusAsync();
        await lab.Server.Namespace.IpAsync($"addr del {Second}/24 dev {Lab.Link}");
        using var socket = lab.Server.Open(SocketType.Dgram);
        socket.SendTo("x"u8, new IPEndPoint(IPAddress.Parse("10.0.0.2"), TunnelFile.Allowed));
        var after = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Counter("packetsOut") > before.Counter("packetsOut"),
            "the packet to leave"
        );
        Assert.Equal(0, after.Drops("send_failed", "out"));
    }
}
