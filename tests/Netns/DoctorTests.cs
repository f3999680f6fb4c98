// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>What the doctor finds out about the network between two hosts.</summary>
public sealed class DoctorTests
{
    [Fact]
    public async Task A_router_behind_which_datagrams_do_not_fit_is_found_with_the_mtu_that_fits()
    {
        await using var lab = await Lab.BehindNatAsync();
        await lab.StartTunnelAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal(("ok", ""), await PathAsync(lab));

        // The narrow link is behind the router, so that only its answer tells of it. 1300 and 16 of magic, 8 of UDP, 20
        // of IP are 1344.
        await lab.Router.IpAsync("link set outside mtu 1330");

        Assert.Equal(("warning", "\"Mtu\": 1286 at both ends, or \"Mtu\": \"auto\""), await PathAsync(lab));
    }

    /// <summary>Each end reaches itself then, or has no route: nothing is sent that would show it.</summary>
    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.9.0.2")]
    public async Task Addresses_that_do_not_fit_are_a_reason_why_only_heartbeats_come(string client)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        await lab.Client.Daemon.UpAsync(lab.ClientFile with { TunnelAddress = client, HeartbeatInterval = 1 });
        await lab.Server.Control.WaitForAsync("t", s => s.Counter("heartbeatsIn") > 0, "a heartbeat");

        var checks = (await lab.Server.Control.TryAsync("doctor", "t")).Json.GetProperty("checks").EnumerateArray();
        var tunnel = checks.Single(c => c.GetProperty("id").GetString() == "tunnel");

        Assert.Contains("only heartbeats", tunnel.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("10.0.0.1/24", tunnel.GetProperty("remedy").GetString(), StringComparison.Ordinal);
    }

    private static async Task<(string Result, string Remedy)> PathAsync(Lab lab)
    {
        var checks = (await lab.Client.Control.TryAsync("doctor", "t")).Json.GetProperty("checks").EnumerateArray();
        var path = checks.Single(c => c.GetProperty("id").GetString() == "path_mtu");
        return (path.GetProperty("result").GetString()!, path.GetProperty("remedy").GetString() ?? "");
    }
}
