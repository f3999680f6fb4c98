// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Routes, rules and the namespace of a secure tunnel's device.</summary>
public sealed class SecureRouteTests
{
    private const string Server4 = "10.99.0.1";
    private const string Beyond = "198.51.100.1";

    private static readonly string[] Everything = ["0.0.0.0/0", "::/0"];
    private static readonly string[] NoAddresses = [];

    [Fact]
    public async Task A_default_route_goes_through_the_tunnel_though_the_kernel_tests_sources_strictly()
    {
        await using var lab = await StartAsync();
        await lab.Client.Namespace.RunAsync(
            "sysctl",
            "-q",
            "-w",
            "net.ipv4.conf.all.rp_filter=1",
            $"net.ipv4.conf.{Lab.Link}.rp_filter=1",
            "net.ipv4.conf.all.src_valid_mark=0"
        );

        // The peer is beyond a router, where only a default route leads.
        await lab.Server.Namespace.IpAsync("address add 203.0.113.1/32 dev lo");
        await lab.Client.Namespace.IpAsync("route add default via 192.0.2.1");
        await lab.MeetAsync(serverAsPeer: new { AllowedIPs = Everything, Endpoint = $"203.0.113.1:{SecureLab.Port}" });

        Assert.Equal(3, await lab.Client.PingAsync(Beyond, count: 3));
        Assert.Equal(3, await lab.Server.PingAsync("10.99.0.2", count: 3));
    }

    [Fact]
    public async Task Rules_that_a_killed_daemon_left_are_taken_over_or_removed_at_the_next_start()
    {
        await using var lab = await StartAsync();
        await lab.MeetAsync(serverAsPeer: new { AllowedIPs = Everything });
        var port = (await lab.Client.Control.StatusAsync("t")).LocalPort;
        Assert.Equal((4, 2), await RulesAsync(lab));
        Assert.Contains($"sport {port}", await lab.Client.Namespace.RunAsync("ip", "rule"), StringComparison.Ordinal);

        // The same tunnel, which has another port now, has as many.
        await lab.Client.Daemon.KillAsync();
        Assert.Equal((4, 2), await RulesAsync(lab));
        await lab.Client.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync(Beyond);
        port = (await lab.Client.Control.StatusAsync("t")).LocalPort;
        Assert.Equal((4, 2), await RulesAsync(lab));
        Assert.Contains($"sport {port}", await lab.Client.Namespace.RunAsync("ip", "rule"), StringComparison.Ordinal);

        // A daemon that does not know the tunnel any more.
        await lab.Client.Daemon.KillAsync();
        Directory.Delete(lab.Client.Daemon.StateDirectory, recursive: true);
        await lab.Client.Daemon.StartAsync();
        Assert.Equal((0, 0), await RulesAsync(lab));
    }

    [Fact]
    public async Task A_network_of_a_peer_whose_route_is_gone_is_found_by_the_doctor()
    {
        string[] networks = ["10.99.0.0/24", "fd99::/64", "10.55.0.0/16"];
        await using var lab = await StartAsync();
        await lab.MeetAsync(serverAsPeer: new { AllowedIPs = networks });
        Assert.Equal(("ok", ""), await RoutesAsync());

        await lab.Client.Namespace.IpAsync("route del 10.55.0.0/16 dev tun0");

        Assert.Equal(("warning", "sudo ip route add 10.55.0.0/16 dev tun0"), await RoutesAsync());

        async Task<(string Result, string Remedy)> RoutesAsync()
        {
            var checks = (await lab.Client.Control.TryAsync("doctor", "t")).Json.GetProperty("checks").EnumerateArray();
            var routes = checks.Single(c => c.GetProperty("id").GetString() == "routes");
            return (routes.GetProperty("result").GetString()!, routes.GetProperty("remedy").GetString() ?? "");
        }
    }

    [Fact]
    public async Task A_device_in_another_namespace_is_followed_and_made_again_only_when_that_is_deleted_under_load()
    {
        await using var lab = await StartAsync();
        await lab.MeetAsync(client: new { TunnelAddress = NoAddresses }, waits: false);
        var container = new Host(await NetworkNamespace.CreateAsync("container"), "10.99.0.2");
        await lab.Client.Namespace.IpAsync($"link set tun0 netns {container.Namespace.Name}");
        await container.Namespace.IpAsync(
            "address add 10.99.0.2/24 dev tun0\naddress add fd99::2/64 dev tun0 nodad\n"
                + "link set tun0 mtu 1300\nlink set tun0 name wg7\nlink set wg7 up"
        );

        await container.WaitForPingAsync(Server4);
        var connection = await TcpPair.OpenAsync(container, lab.Server, "fd99::1");
        await Transfer.RunAsync(connection.Dialled, connection.Accepted, 8 << 20);
        Assert.Equal(1, await lab.Server.PingAsync("10.99.0.2"));

        // Peers change, and what their networks need is not looked for here.
        string[] more = ["10.99.0.0/24", "fd99::/64", "10.55.0.0/16"];
        await lab.UpAsync(
            lab.Client,
            lab.ClientFile(serverAsPeer: new { AllowedIPs = more }, client: new { TunnelAddress = NoAddresses }),
            reload: true
        );
        Assert.Equal(1, await container.PingAsync(Server4));
        Assert.Equal("running", (await lab.Client.Control.StatusAsync("t")).State);
        Assert.DoesNotContain(await lab.Client.Control.EventsAsync(), e => e.Kind == "device_lost");
        Assert.DoesNotContain("tun0", await lab.Client.Namespace.DevicesAsync());

        // It goes with the namespace, and the daemon has the next one where it is itself.
        connection.Dispose();
        connection = await TcpPair.OpenAsync(container, lab.Server, Server4);
        await using (var upload = new Download(connection.Dialled, connection.Accepted))
        {
            await upload.WaitForMoreAsync();
            connection.Dispose();
            await container.DisposeAsync();
            await lab.Client.Control.WaitForEventAsync("device_recreated");
        }

        Assert.Contains("tun0", await lab.Client.Namespace.DevicesAsync());
        await lab.Client.Namespace.IpAsync("address add 10.99.0.2/24 dev tun0");
        await lab.Client.WaitForPingAsync(Server4);
    }

    private static Task<SecureLab> StartAsync() =>
        SecureLab.StartAsync(prepare: lab => lab.Server.Namespace.IpAsync($"address add {Beyond}/32 dev lo"));

    /// <returns>How many the daemons have made, of IPv4 and IPv6.</returns>
    private static async Task<(int V4, int V6)> RulesAsync(SecureLab lab)
    {
        return (await CountAsync("-4"), await CountAsync("-6"));

        async Task<int> CountAsync(string family) =>
            (await lab.Client.Namespace.RunAsync("ip", family, "rule"))
                .Split('\n')
                .Count(line => line.Contains("proto 117", StringComparison.Ordinal));
    }
}
