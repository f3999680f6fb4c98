// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Secure tunnels of the daemon over links and between hosts of all kinds.</summary>
public sealed class SecureLinkTests
{
    private const int IpAndIcmpHeader = 28;
    private const string Server4 = "10.99.0.1";
    private const string Server6 = "fd99::1";
    private const string Client4 = "10.99.0.2";
    private const string Client6 = "fd99::2";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task Pings_of_both_families_go_both_ways_and_are_counted_exactly()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync();
        Assert.Equal(1, await lab.Client.PingAsync(Server4));
        var before = (
            Client: await lab.Client.Control.StatusAsync("t"),
            Server: await lab.Server.Control.StatusAsync("t")
        );

        Assert.Equal(40, await lab.Client.PingAsync(Server4, count: 40, size: 100));
        Assert.Equal(25, await lab.Server.PingAsync(Client4, count: 25, size: 200));
        await SecureLab.Ping6Async(lab.Client, Server6, size: 300);

        // 20 bytes of IPv4 or 40 of IPv6, 8 of ICMP and the data; each ping is one there and one back.
        const int Packets = 40 + 25 + 1;
        const int Bytes = (40 * 128) + (25 * 228) + 348;
        foreach (
            var (was, status) in new[]
            {
                (before.Client, await lab.Client.Control.StatusAsync("t")),
                (before.Server, await lab.Server.Control.StatusAsync("t")),
            }
        )
        {
            Assert.Equal(Packets, status.Counter("packetsOut") - was.Counter("packetsOut"));
            Assert.Equal(Packets, status.Counter("packetsIn") - was.Counter("packetsIn"));
            Assert.Equal(Bytes, status.Counter("bytesOut") - was.Counter("bytesOut"));
            Assert.Equal(Bytes, status.Counter("bytesIn") - was.Counter("bytesIn"));
            Assert.Equal(0, status.AllDrops);
        }
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("off")]
    public async Task With_the_largest_mtu_all_that_a_datagram_can_carry_passes_and_tcp_does_not_stall(string offload)
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(both: new { Mtu = 65_520, Offload = offload });

        // A datagram carries 65,507 bytes over IPv4, of which header and tag take 32 and padding up to 15.
        const int Largest = 65_507 - 32 - 15;
        const int Size = Largest - IpAndIcmpHeader;
        await lab.Client.LearnPathAsync(Server4, Size);
        await lab.Server.LearnPathAsync(Client4, Size);
        Assert.Equal(3, await lab.Client.PingAsync(Server4, count: 3, size: Size, mayFragment: true));
        Assert.Equal(3, await lab.Server.PingAsync(Client4, count: 3, size: Size, mayFragment: true));
        Assert.Equal(0, (await lab.Client.Control.StatusAsync("t")).UnexpectedDrops);
        Assert.True(await lab.Client.IsSilentAsync(Server4, size: Size + 1));

        // TCP would use all of the MTU, and nobody could tell it to use less.
        foreach (var address in (string[])[Server4, Server6])
        {
            using var there = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
            await Transfer.RunAsync(there.Dialled, there.Accepted, 32 << 20);
        }

        Assert.Equal(0, (await lab.Client.Control.StatusAsync("t")).UnexpectedDrops);
        Assert.Equal(0, (await lab.Server.Control.StatusAsync("t")).UnexpectedDrops);
    }

    [Fact]
    public async Task Packets_of_an_address_that_is_not_the_peers_are_dropped_in_both_families()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync();
        await lab.Client.Namespace.IpAsync(
            "address add 10.99.0.77/32 dev tun0\naddress add fd99::77/128 dev tun0 nodad"
        );

        await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "-I", "10.99.0.77", Server4);
        await lab.Client.Namespace.TryAsync("ping", "-6", "-c", "1", "-W", "1", "-I", "fd99::77", Server6);

        var status = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Drops("wrong_source", "in") == 2,
            "the drops of two wrong sources"
        );
        Assert.Equal(2, status.AllDrops);
    }

    [Fact]
    public async Task Keys_of_both_ends_change_while_a_connection_goes_on()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync();
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, Server6);

        // The server does not know where the client's new key is until the client has something to send.
        await using var upload = new Download(pair.Dialled, pair.Accepted);
        await upload.WaitForMoreAsync();
        for (var i = 0; i < 2; i++)
        {
            await lab.ChangeKeysAsync();

            await upload.WaitForMoreAsync();
            var status = (await lab.Server.Control.RunAsync("status", "t")).Json.GetProperty("tunnels")[0];
            Assert.Equal(lab.ServerKey.Public, status.GetProperty("publicKey").GetString());
        }

        await upload.FinishAsync();
    }

    [Fact]
    public async Task A_tunnel_goes_through_a_tunnel()
    {
        const int InnerPort = 8001;
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(both: new { AllowedPorts = new[] { InnerPort } });
        string[] addressesOfServer = ["10.98.0.1/32", "fd98::1/128"];
        string[] addressesOfClient = ["10.98.0.2/32", "fd98::2/128"];
        var (server, client) = (await lab.NewKeyAsync(), await lab.NewKeyAsync());
        await lab.UpAsync(
            lab.Server,
            new
            {
                Name = "inner",
                TunnelAddress = addressesOfServer,
                NetworkAddress = $":{InnerPort}",
                Mtu = 1340,
                PrivateKey = server.Private,
                Peers = new[] { new { PublicKey = client.Public, AllowedIPs = addressesOfClient } },
            },
            "inner"
        );
        await lab.UpAsync(
            lab.Client,
            new
            {
                Name = "inner",
                TunnelAddress = addressesOfClient,
                Mtu = 1340,
                PrivateKey = client.Private,
                Peers = new[]
                {
                    new
                    {
                        PublicKey = server.Public,
                        AllowedIPs = addressesOfServer,
                        Endpoint = $"[{Server6}]:{InnerPort}",
                    },
                },
            },
            "inner"
        );

        await lab.Client.WaitForPingAsync("10.98.0.1", Soon);
        foreach (var address in (string[])["10.98.0.1", "fd98::1"])
        {
            using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
            await Transfer.RunAsync(pair.Dialled, pair.Accepted, 16 << 20);
        }
    }

    [Fact]
    public async Task A_tunnel_whose_route_leads_into_itself_does_not_feed_itself_and_goes_on_when_it_is_right_again()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(both: new { AllowedPorts = "all" });

        await lab.Client.Namespace.IpAsync("route add 192.0.2.1/32 dev tun0");
        await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", Server4);
        var looping = await lab.Client.Control.WaitForAsync("t", s => s.Loop is not null, "the loop to be seen");
        Assert.Contains("by its device tun0", looping.Loop, StringComparison.Ordinal);
        var before = await SentAsync();
        await lab.Client.Namespace.TryAsync("ping", "-c", "3", "-i", "0.2", "-W", "1", Server4);
        Assert.InRange(await SentAsync() - before, 0, 50);

        await lab.Client.Namespace.IpAsync("route del 192.0.2.1/32 dev tun0");
        await lab.Client.WaitForPingAsync(Server4);
        await lab.Client.Control.WaitForAsync("t", s => s.Loop is null, "the loop to be over");

        async Task<long> SentAsync() =>
            long.Parse(
                await lab.Client.Namespace.RunAsync("cat", "/sys/class/net/tun0/statistics/tx_packets"),
                System.Globalization.CultureInfo.InvariantCulture
            );
    }

    [Fact]
    public async Task Keepalives_hold_the_way_open_through_a_NAT_that_soon_forgets()
    {
        var silence = TimeSpan.FromSeconds(5);
        await using var lab = await SecureLab.StartAsync(isBehindNat: true);
        await lab.Router.RunAsync(
            "sysctl",
            "-q",
            "-w",
            "net.netfilter.nf_conntrack_udp_timeout=2",
            "net.netfilter.nf_conntrack_udp_timeout_stream=2"
        );
        await lab.MeetAsync();
        Assert.Equal(1, await lab.Server.PingAsync(Client4));

        // Without them: the passive keepalive comes after ten seconds of silence.
        await Task.Delay(silence, TestContext.Current.CancellationToken);
        Assert.True(await lab.Server.IsSilentAsync(Client4));

        await lab.UpAsync(lab.Client, lab.ClientFile(serverAsPeer: new { PersistentKeepalive = 1 }), reload: true);
        await lab.Server.WaitForPingAsync(Client4, Soon);
        await Task.Delay(silence, TestContext.Current.CancellationToken);
        Assert.Equal(3, await lab.Server.PingAsync(Client4, count: 3));
    }

    [Theory]
    [InlineData("192.0.2.22", "192.0.2.22", 24)]
    [InlineData("2001:db8::22", "[2001:db8::22]", 64)]
    public async Task The_address_that_was_called_answers_and_when_it_is_gone_another_does(
        string second,
        string endpoint,
        int length
    )
    {
        const string Rules = """
            table inet f {
                chain in {
                    type filter hook input priority 0; policy drop;
                    iifname != "link0" accept
                    meta l4proto ipv6-icmp accept
                    ct state established,related accept
                }
            }
            """;
        await using var lab = await SecureLab.StartAsync();
        await lab.Server.Namespace.IpAsync(
            $"address add {second}/{length} dev {Lab.Link}{(second.Contains(':') ? " nodad preferred_lft 0" : "")}"
        );
        await lab.Client.Namespace.NftAsync(Rules);
        await lab.MeetAsync(serverAsPeer: new { Endpoint = $"{endpoint}:{SecureLab.Port}" });
        Assert.Equal(3, await lab.Client.PingAsync(Server4, count: 3, size: 1000));
        Assert.Equal(3, await lab.Server.PingAsync(Client4, count: 3, size: 1000));
        Assert.Equal($"{endpoint}:{SecureLab.Port}", await EndpointAsync());

        // Gone, and the firewall with it, which would not know the new one.
        await lab.Client.Namespace.RunAsync("nft", "flush", "ruleset");
        await lab.Server.Namespace.IpAsync($"address del {second}/{length} dev {Lab.Link}");

        Assert.Equal(1, await lab.Server.PingAsync(Client4));
        Assert.NotEqual($"{endpoint}:{SecureLab.Port}", await EndpointAsync());
        Assert.Equal(3, await lab.Client.PingAsync(Server4, count: 3));
        Assert.Equal(0, (await lab.Server.Control.StatusAsync("t")).AllDrops);

        async Task<string?> EndpointAsync() =>
            (await lab.Client.Control.RunAsync("peers", "t"))
                .Json.GetProperty("peers")[0]
                .GetProperty("endpoint")
                .GetString();
    }

    [Fact]
    public async Task An_endpoints_name_is_looked_up_where_the_daemon_is_and_followed_when_it_changes()
    {
        NameServer? names = null;
        await using var lab = await SecureLab.StartAsync(prepare: async hosts =>
        {
            names = new NameServer(hosts.Server, hosts.Client);
            await names.StartAsync("tunnel.test", "192.0.2.99");
        });
        await using var disposed = names!;
        await lab.MeetAsync(serverAsPeer: new { Endpoint = $"tunnel.test:{SecureLab.Port}" }, waits: false);
        Assert.True(await lab.Client.IsSilentAsync(Server4));

        await names!.ChangeAsync("tunnel.test", "192.0.2.1");

        // It looks every 30 s.
        await lab.Client.WaitForPingAsync(Server4, TimeSpan.FromSeconds(45));
        var status = await lab.Client.Control.StatusAsync("t");
        Assert.True(status.Counter("dnsLookups") >= 2, status.ToString());
    }

    [Theory]
    [InlineData("drop")]
    [InlineData("reject with icmpx port-unreachable")]
    public async Task A_peer_whose_name_has_an_address_that_does_not_work_is_found_at_another(string verdict)
    {
        NameServer? names = null;
        await using var lab = await SecureLab.StartAsync(prepare: async hosts =>
        {
            names = new NameServer(hosts.Server, hosts.Client);
            await names.StartAsync("tunnel.test", "2001:db8::1", "192.0.2.1");
        });
        await using var disposed = names!;
        await lab.Server.Namespace.NftAsync(
            "table inet t { chain c { type filter hook input priority 0; "
                + $"meta nfproto ipv6 udp dport {SecureLab.Port} {verdict}; }}; }}"
        );

        await lab.MeetAsync(serverAsPeer: new { Endpoint = $"tunnel.test:{SecureLab.Port}" }, waits: false);
        await lab.Client.WaitForPingAsync(Server4, Soon);

        Assert.Equal($"192.0.2.1:{SecureLab.Port}", await EndpointAsync());

        // The one that works is gone, in both directions, and the other one is back: it is found again within the
        // protocol's timers.
        await lab.Server.Namespace.NftAsync(
            "flush ruleset\ntable inet t { "
                + "chain in { type filter hook input priority 0; "
                + $"meta nfproto ipv4 udp dport {SecureLab.Port} drop; }}; "
                + "chain out { type filter hook output priority 0; "
                + $"meta nfproto ipv4 udp sport {SecureLab.Port} drop; }}; }}"
        );
        await lab.Client.WaitForPingAsync(Server4, TimeSpan.FromSeconds(30));
        Assert.Equal($"[2001:db8::1]:{SecureLab.Port}", await EndpointAsync());

        async Task<string?> EndpointAsync() =>
            (await lab.Client.Control.RunAsync("peers", "t"))
                .Json.GetProperty("peers")[0]
                .GetProperty("endpoint")
                .GetString();
    }

    [Fact]
    public async Task The_kernel_guards_the_device_of_a_tunnel_with_a_firewall_in_both_families()
    {
        const int NotAllowed = 6001;
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(
            server: new { Firewall = true, TunnelDevice = "guarded0" },
            client: new { AllowedPorts = "all" }
        );

        var rules = await lab.Server.Namespace.RunAsync("nft", "list", "ruleset");
        Assert.Contains("table inet udptunnel_guarded0", rules, StringComparison.Ordinal);
        foreach (var address in (string[])[Client4, Client6])
        {
            Assert.True(IsRefused(lab.Server, address, NotAllowed));
            Assert.False(IsRefused(lab.Server, address, TunnelFile.Allowed));
        }

        await SecureLab.Ping6Async(lab.Client, Server6);
        await SecureLab.Ping6Async(lab.Server, Client6);
        foreach (var address in (string[])[Server4, Server6])
        {
            Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, address, NotAllowed));
            using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
            await Transfer.RunAsync(pair.Accepted, pair.Dialled, 4 << 20);
        }
    }

    /// <summary>The kernel says EPERM to a datagram that a rule of the way out drops.</summary>
    private static bool IsRefused(Host host, string address, int port)
    {
        var target = new IPEndPoint(IPAddress.Parse(address), port);
        using var socket = host.Open(SocketType.Dgram, target.AddressFamily);
        try
        {
            socket.SendTo("x"u8, target);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AccessDenied || e.NativeErrorCode == 1)
        {
            return true;
        }
    }
}
