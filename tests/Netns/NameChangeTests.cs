// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>The server's name gets another address.</summary>
public sealed class NameChangeTests
{
    [Fact]
    public async Task A_server_that_moves_to_another_address_is_found_by_its_name()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await lab.Server.Namespace.IpAsync($"addr add 192.0.2.11/24 dev {Lab.Link}");
        await names.StartAsync("tunnel.test", "192.0.2.11");
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });
        Assert.Equal("192.0.2.11:8000", (await lab.ClientStatusAsync()).Peer);

        await names.ChangeAsync("tunnel.test", "192.0.2.12");
        await lab.Server.Namespace.IpAsync(
            $"addr add 192.0.2.12/24 dev {Lab.Link}\naddr del 192.0.2.11/24 dev {Lab.Link}\n"
        );
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1"));

        // It looks every 30 s.
        var took = await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(40));
        TestContext.Current.TestOutputHelper?.WriteLine($"found after {took.TotalSeconds:0.0} s");
        var status = await lab.ClientStatusAsync();
        Assert.Equal("192.0.2.12:8000", status.Peer);
        Assert.True(status.Counter("dnsLookups") >= 2, status.ToString());
        var changed = await lab.Client.Control.WaitForEventAsync("dns_changed");
        Assert.Contains("192.0.2.12", changed.Message, StringComparison.Ordinal);
        Assert.Equal(5, await lab.Server.PingAsync("10.0.0.2", count: 5));
    }
}
