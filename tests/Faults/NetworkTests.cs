// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Proxy;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>The network below the tunnel refuses, disappears, moves and loses.</summary>
public sealed class NetworkTests
{
    /// <summary>Environment variable: how long the network is away, in seconds, instead of 5.</summary>
    private const string OutageVariable = "UDPTUNNEL_OUTAGE_SECONDS";

    [Fact]
    public async Task What_netfilter_refuses_is_counted_and_told_and_the_tunnel_goes_on_when_it_no_longer_does()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");

        // A dropped packet of one's own is EPERM to who sends it.
        await lab.Client.Namespace.NftAsync(
            "table inet fault {\n chain output {\n type filter hook output priority 0;\n udp dport 8000 drop\n }\n}\n"
        );
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));
        await lab.Client.Control.WaitForEventAsync("sending_failed");
        var refused = await lab.ClientStatusAsync();
        Assert.True(refused.Drops("send_failed", "out") >= 3, refused.ToString());

        await lab.Client.Namespace.NftAsync("delete table inet fault\n");
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
    }

    [Fact]
    public async Task A_network_that_was_away_for_a_while_costs_its_packets_and_no_connection()
    {
        var outage = TimeSpan.FromSeconds(
            int.Parse(Environment.GetEnvironmentVariable(OutageVariable) ?? "5", CultureInfo.InvariantCulture)
        );
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);

        await lab.Client.Namespace.IpAsync($"link set {Lab.Link} down");
        await Task.Delay(outage, TestContext.Current.CancellationToken);
        await lab.Client.Namespace.IpAsync($"link set {Lab.Link} up");

        var took = await lab.Client.WaitForPingAsync("10.0.0.1");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"away for {outage.TotalSeconds:0} s, back after {took.TotalSeconds:0.0} s"
        );

        // TCP tries again at intervals that double.
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted, deadline: WaitFor.Patience + (2 * outage));
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled, deadline: WaitFor.Patience + (2 * outage));
    }

    [Fact]
    public async Task A_port_that_was_taken_while_the_daemon_was_down_is_told_and_the_tunnel_starts_when_it_is_free()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Server.Daemon.KillAsync();
        using (var taken = lab.Server.Open(SocketType.Dgram))
        {
            taken.Bind(new IPEndPoint(IPAddress.Any, 8000));
            await lab.Server.Daemon.StartAsync();
            var failed = await lab.Server.Control.WaitForAsync(
                "t",
                s => s.State == "failed",
                "the tunnel to be shown as failed"
            );
            Assert.Contains("8000", failed.Problem, StringComparison.Ordinal);
            Assert.Equal("error", (await lab.Server.Control.WaitForEventAsync("tunnel_failed")).Level);
        }

        var took = await lab.Client.WaitForPingAsync("10.0.0.1");
        TestContext.Current.TestOutputHelper?.WriteLine($"back after {took.TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task Both_ends_may_change_their_addresses_at_once_if_the_client_knows_a_name()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await lab.Server.Namespace.IpAsync($"addr add 192.0.2.11/24 dev {Lab.Link}");
        await names.StartAsync("tunnel.test", "192.0.2.11");
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");

        await names.ChangeAsync("tunnel.test", "192.0.2.12");
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(
            lab.Server.Namespace.IpAsync(
                $"addr add 192.0.2.12/24 dev {Lab.Link}\naddr del 192.0.2.11/24 dev {Lab.Link}\n"
            ),
            lab.Client.Namespace.IpAsync(
                $"addr del 192.0.2.2/24 dev {Lab.Link}\naddr add 192.0.2.77/24 dev {Lab.Link}\n"
            )
        );

        // The client looks every 30 s.
        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(40));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"both found each other after {clock.Elapsed.TotalSeconds:0.0} s"
        );
        await lab.Server.WaitForPingAsync("10.0.0.2");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }

    [Theory]
    [InlineData(0.01, 4 << 20)]
    [InlineData(0.05, 1 << 20)]
    public async Task A_file_each_way_at_once_arrives_intact_however_much_is_dropped_flipped_doubled_and_swapped(
        double part,
        long bytes
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        using var proxy = new UdpProxy(
            lab.Server,
            IPEndPoint.Parse("192.0.2.1:9000"),
            IPEndPoint.Parse("192.0.2.1:8000"),
            Impairment.OfEach(part),
            seed: 43
        );
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "192.0.2.1:9000" });

        await Transfer.BothWaysAsync(lab, bytes, TimeSpan.FromMinutes(3), proxy);

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"to the server {proxy.ToServer}, to the client {proxy.ToClient}"
        );
        Assert.True(
            proxy.ToServer is { Dropped: > 0, Flipped: > 0, Doubled: > 0, Swapped: > 0 },
            proxy.ToServer.ToString()
        );
    }

    [Fact]
    public async Task With_a_fifth_of_all_datagrams_lost_the_tunnel_stays_up_and_a_file_arrives()
    {
        await using var lab = await Lab.TwoHostsAsync();
        using var proxy = new UdpProxy(
            lab.Server,
            IPEndPoint.Parse("192.0.2.1:9000"),
            IPEndPoint.Parse("192.0.2.1:8000"),
            new Impairment(0.2, 0, 0, 0),
            seed: 44
        );
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "192.0.2.1:9000" });

        await Transfer.BothWaysAsync(lab, 100_000, TimeSpan.FromMinutes(3), proxy);

        Assert.Equal(0, (await lab.ServerStatusAsync()).Counter("peerChanges"));
    }

    [Theory]
    [InlineData("192.168.7.0/24 dev inside")]
    [InlineData("192.0.2.0/24 dev outside")]
    public async Task A_path_with_a_smaller_mtu_that_says_nothing_about_it_carries_large_packets_both_ways(string route)
    {
        await using var lab = await Lab.BehindNatAsync();

        // One direction only. And the router's word of it is dropped.
        await lab.Router.NftAsync(
            "table inet fault {\n chain output {\n type filter hook output priority 0;\n icmp type destination-unreachable drop\n }\n}\n"
        );
        await lab.Router.IpAsync($"route replace {route} mtu lock 1000");
        await lab.StartTunnelAsync();

        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: 1272, mayFragment: true));
        await Transfer.BothWaysAsync(lab, 1 << 20, TimeSpan.FromMinutes(1));
    }
}
