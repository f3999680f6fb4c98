// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// A name server that says there is no address, or takes its time. Gone and changed: Netns.NameFailureTests,
/// Netns.NameChangeTests.
/// </summary>
public sealed class NameTests
{
    [Fact]
    public async Task A_name_without_an_address_is_told_and_found_when_it_has_one()
    {
        await using var lab = await Lab.TwoHostsAsync();
        using var names = new SlowNameServer(lab.Server, lab.Client) { Address = null };
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile);

        var started = await lab.Client.Daemon.UpAsync(lab.ClientFile with { NetworkAddress = "tunnel.test:8000" });
        Assert.Equal("resolving", started.State);
        var failed = await lab.Client.Control.WaitForEventAsync("dns_failed");
        Assert.Contains("tunnel.test", failed.Message, StringComparison.Ordinal);

        names.Address = lab.Server.Address;
        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(40));
    }

    [Fact]
    public async Task A_name_server_that_takes_5_seconds_holds_up_the_start_of_its_tunnel_and_nothing_else()
    {
        await using var lab = await Lab.TwoHostsAsync();
        using var names = new SlowNameServer(lab.Server, lab.Client)
        {
            Address = lab.Server.Address,
            Delay = TimeSpan.FromSeconds(5),
        };
        await lab.StartTunnelAsync();

        // It starts and is answered for before its name is known, and the other tunnel does not notice.
        var clock = Stopwatch.StartNew();
        var slow = lab.ClientFile with
        {
            Name = "slow",
            TunnelAddress = "10.9.0.2",
            NetworkAddress = "tunnel.test:8001",
        };
        Assert.Equal("resolving", (await lab.Client.Daemon.UpAsync(slow)).State);
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));

        await lab.Client.Control.WaitForAsync("slow", s => s.Peer == "192.0.2.1:8001", "the name to be found");
        Assert.True(clock.Elapsed >= names.Delay, $"found after {clock.Elapsed}");
        Assert.Equal(0, (await lab.Client.Control.StatusAsync("slow")).Counter("dnsFailures"));
    }
}
