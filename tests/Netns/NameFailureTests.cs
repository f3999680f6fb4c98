// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>The server's name cannot be looked up.</summary>
public sealed class NameFailureTests
{
    [Fact]
    public async Task A_first_look_up_that_fails_is_made_again_until_it_succeeds()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile);

        var started = await lab.Client.Daemon.UpAsync(lab.ClientFile with { NetworkAddress = "tunnel.test:8000" });
        Assert.Equal("resolving", started.State);
        var failed = await lab.Client.Control.WaitForEventAsync("dns_failed");
        Assert.Contains("tunnel.test", failed.Message, StringComparison.Ordinal);
        await lab.Client.Control.WaitForAsync("t", s => s.Counter("dnsFailures") >= 2, "a second look-up");
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1"));
        Assert.True((await lab.ClientStatusAsync()).Drops("no_peer", "out") >= 1);

        await names.StartAsync("tunnel.test", lab.Server.Address);

        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(40));
        Assert.Equal("running", (await lab.ClientStatusAsync()).State);
    }

    [Fact]
    public async Task A_name_server_that_is_gone_does_not_matter_to_a_tunnel_that_runs()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using (var names = new NameServer(lab.Server, lab.Client))
        {
            await names.StartAsync("tunnel.test", lab.Server.Address);
            await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });
        }

        var failed = await lab.Client.Control.WaitForEventAsync("dns_failed", TimeSpan.FromSeconds(50));
        Assert.Contains(lab.Server.Address, failed.Message, StringComparison.Ordinal);
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal("192.0.2.1:8000", (await lab.ClientStatusAsync()).Peer);
    }
}
