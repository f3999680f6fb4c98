// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Secure tunnels of the daemon: against wireguard-go and wg, and between two of ours.</summary>
public sealed class SecureTunnelTests
{
    private const int Port = SecureLab.Port;

    // A handshake that follows at once, and a machine that has much else to do.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(4);

    [Theory]
    [InlineData("192.0.2.1", true)]
    [InlineData("192.0.2.1", false)]
    [InlineData("[2001:db8::1]", true)]
    [InlineData("[2001:db8::1]", false)]
    public async Task A_tunnel_to_wireguard_go_carries_everything_whoever_begins(string outer, bool weBegin)
    {
        await using var lab = await SecureLab.StartAsync();
        using var go = await WireGuardGo.StartAsync(lab.Server.Namespace, "10.99.0.1/24", "fd99::1/64");
        await go.SetAsync("listen-port", $"{Port}");
        var shared = await lab.NewPresharedKeyAsync();
        var us = await lab.NewKeyAsync();
        var outerOfUs = outer.StartsWith('[') ? "[2001:db8::2]" : "192.0.2.2";
        const string Ours = "10.99.0.2/32,fd99::2/128";
        string[] peer = ["peer", us.Public, "preshared-key", go.FileWith(shared), "allowed-ips", Ours];
        await go.SetAsync(weBegin ? peer : [.. peer, "endpoint", $"{outerOfUs}:{Port + 1}"]);
        await lab.UpAsync(
            lab.Client,
            new
            {
                TunnelAddress = new[] { "10.99.0.2/24", "fd99::2/64" },
                NetworkAddress = weBegin ? null : $":{Port + 1}",
                PrivateKey = us.Private,
                Peers = new[]
                {
                    new
                    {
                        Name = "go",
                        PublicKey = await go.PublicKeyAsync(),
                        PresharedKey = shared,
                        AllowedIPs = new[] { "10.99.0.1/32", "fd99::1/128" },
                        Endpoint = weBegin ? $"{outer}:{Port}" : null,
                    },
                },
            }
        );

        var (first, firstTarget) = weBegin ? (lab.Client, "10.99.0.1") : (lab.Server, "10.99.0.2");
        await first.WaitForPingAsync(firstTarget, Soon);
        Assert.Equal(3, await lab.Client.PingAsync("10.99.0.1", 3, 1420 - 28));
        await SecureLab.Ping6Async(lab.Client, "fd99::1", 1420 - 48);
        await SecureLab.Ping6Async(lab.Server, "fd99::2");
        foreach (var address in (string[])["10.99.0.1", "fd99::1"])
        {
            using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
            await Transfer.RunAsync(pair.Dialled, pair.Accepted, 16 << 20);
            using var back = await TcpPair.OpenAsync(lab.Client, lab.Server, address, TunnelFile.AlsoAllowed);
            await Transfer.RunAsync(back.Accepted, back.Dialled, 16 << 20);
        }

        // What has arrived of UDP comes back from there.
        await SecureLab.EchoUdpAsync(lab.Client, lab.Server, "10.99.0.1");
        await SecureLab.EchoUdpAsync(lab.Client, lab.Server, "fd99::1");

        var status = await lab.Client.Control.StatusAsync("t");
        Assert.Equal("running", status.State);
        Assert.Equal(0, status.AllDrops);
        Assert.NotEqual("0", (await go.ShowAsync("latest-handshakes"))[0][1]);

        // From an address that is not ours to use: dropped there, and by us if they do it.
        await lab.Server.Namespace.IpAsync($"address add 10.99.0.77/32 dev {go.Device}");
        await lab.Server.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "-I", "10.99.0.77", "10.99.0.2");
        await lab.Client.Control.WaitForAsync(
            "t",
            s => s.Drops("wrong_source", "in") == 1,
            "the drop of a wrong source"
        );
    }

    [Theory]
    [InlineData("10.99.0.1")]
    [InlineData("fd99::1")]
    public async Task The_path_to_wireguard_go_is_found_out_and_carries_tcp_though_fragments_are_dropped(string address)
    {
        await using var lab = await SecureLab.StartAsync();
        foreach (var host in (Host[])[lab.Server, lab.Client])
        {
            await host.Namespace.IpAsync($"link set {Lab.Link} mtu 1280");
            await host.Namespace.NftAsync(
                "table ip path {\n chain in {\n type filter hook prerouting priority -500;\n"
                    + $" iifname {Lab.Link} ip frag-off & 0x3fff != 0 drop\n }}\n}}\n"
            );
        }

        using var go = await WireGuardGo.StartAsync(lab.Server.Namespace, "10.99.0.1/24", "fd99::1/64");
        await go.SetAsync("listen-port", $"{Port}");
        var us = await lab.NewKeyAsync();
        await go.SetAsync("peer", us.Public, "allowed-ips", "10.99.0.2/32,fd99::2/128");
        await lab.UpClientAsync(us, await go.PublicKeyAsync(), "10.99.0.1/32", "fd99::1/128");
        await lab.Client.WaitForPingAsync("10.99.0.1", Soon);
        await lab.Client.PingAsync("10.99.0.1");

        // 1,280 without 20 of IP, 8 of UDP and 32 of the protocol.
        await lab.Client.Control.WaitForAsync("t", s => s.PathMtu == (1280, 1220), "the path's MTU");
        Assert.Equal((1420, "file"), (await lab.Client.Control.StatusAsync("t")).Mtu);
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
        await Transfer.RunAsync(pair.Dialled, pair.Accepted, 16 << 20, deadline: TimeSpan.FromSeconds(30));
        using var back = await TcpPair.OpenAsync(lab.Client, lab.Server, address, TunnelFile.AlsoAllowed);
        await Transfer.RunAsync(back.Accepted, back.Dialled, 16 << 20, deadline: TimeSpan.FromSeconds(30));

        Assert.Equal(0, (await lab.Client.Control.StatusAsync("t")).AllDrops);
    }

    [Fact]
    public async Task A_default_route_goes_through_the_tunnel_and_the_tunnel_itself_does_not()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.Server.Namespace.IpAsync("address add 198.51.100.1/32 dev lo\naddress add 2001:db8:1::1/128 dev lo");
        var (server, client) = (await lab.NewKeyAsync(), await lab.NewKeyAsync());
        await lab.UpServerAsync(server, (client.Public, "10.99.0.2/32", "fd99::2/128"));
        await lab.UpClientAsync(client, server.Public, "0.0.0.0/0", "::/0");

        await lab.Client.WaitForPingAsync("198.51.100.1", Soon);
        await SecureLab.Ping6Async(lab.Client, "2001:db8:1::1");

        // What has a route of its own keeps it.
        Assert.Equal(1, await lab.Client.PingAsync("192.0.2.1"));
        var direct = await lab.Client.Namespace.RunAsync("ip", "route", "get", "192.0.2.1");
        Assert.Contains(Lab.Link, direct, StringComparison.Ordinal);
        var rules = await lab.Client.Namespace.RunAsync("ip", "rule");
        Assert.Contains("suppress_prefixlength 0", rules, StringComparison.Ordinal);

        // A device that is made again has its routes again.
        await lab.Client.Namespace.IpAsync("link delete tun0");
        await lab.Client.WaitForPingAsync("198.51.100.1", TimeSpan.FromSeconds(10));

        await lab.Client.Control.RunAsync("down", "t");
        foreach (var family in (string[])["-4", "-6"])
        {
            var left = await lab.Client.Namespace.RunAsync("ip", family, "rule");
            Assert.DoesNotContain("fwmark", left, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("server", "KILL")]
    [InlineData("client", "KILL")]
    [InlineData("server", "TERM")]
    public async Task A_connection_survives_the_restart_of_either_end(string end, string signal)
    {
        await using var lab = await SecureLab.StartAsync();
        var (server, client) = (await lab.NewKeyAsync(), await lab.NewKeyAsync());
        await lab.UpServerAsync(server, (client.Public, "10.99.0.2/32", "fd99::2/128"));
        await lab.UpClientAsync(client, server.Public, "10.99.0.0/24", "fd99::/64");
        await lab.Client.WaitForPingAsync("10.99.0.1", Soon);
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, "fd99::1");
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted);
        var restarted = end == "server" ? lab.Server.Daemon : lab.Client.Daemon;
        await restarted.WaitUntilSavedAsync("t", TunnelFile.Allowed);

        await (signal == "KILL" ? restarted.KillAsync() : restarted.TerminateAsync());
        await restarted.StartAsync();
        var clock = Stopwatch.StartNew();
        await TcpPair.SayAsync(pair.Accepted, pair.Dialled);
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted);

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{end} after {signal}: {clock.Elapsed.TotalMilliseconds:0} ms"
        );
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(8), $"the connection went on only after {clock.Elapsed}");
    }

    [Fact]
    public async Task A_peer_that_gets_another_address_is_followed_and_transfers_are_intact()
    {
        await using var lab = await SecureLab.StartAsync();
        var (server, client) = (await lab.NewKeyAsync(), await lab.NewKeyAsync());
        await lab.UpServerAsync(server, (client.Public, "10.99.0.2/32", "fd99::2/128"));
        await lab.UpClientAsync(client, server.Public, "10.99.0.0/24", "fd99::/64");
        await lab.Client.WaitForPingAsync("10.99.0.1", Soon);
        foreach (var address in (string[])["10.99.0.1", "fd99::1"])
        {
            using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, address);
            await Transfer.RunAsync(pair.Dialled, pair.Accepted, 64 << 20);
        }

        await lab.Client.Namespace.IpAsync(
            $"address delete 192.0.2.2/24 dev {Lab.Link}\naddress add 192.0.2.22/24 dev {Lab.Link}"
        );
        Assert.Equal(1, await lab.Client.PingAsync("10.99.0.1"));
        await lab.Server.Control.WaitForEventAsync("peer_moved", Soon);
        Assert.Equal(1, await lab.Server.PingAsync("10.99.0.2"));
        var status = await lab.Server.Control.StatusAsync("t");
        Assert.Equal(0, status.AllDrops);
    }

    [Fact]
    public async Task Many_peers_keep_to_their_own_addresses_and_come_and_go_alone()
    {
        const int Clients = 5;
        const int Strangers = 1000;
        await using var lab = await SecureLab.StartAsync();
        var server = await lab.NewKeyAsync();
        var keys = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => lab.NewKeyAsync()));
        var absent = Enumerable
            .Range(0, Strangers)
            .Select(i => (SecureLab.AnyPublicKey(), $"10.98.{i / 250}.{(i % 250) + 1}/32", $"fd98::{i + 1:x}/128"));
        (string, string, string)[] peers =
        [
            .. absent,
            .. keys.Select((key, i) => (key.Public, $"10.99.0.{i + 2}/32", $"fd99::{i + 2}/128")),
        ];
        await lab.UpServerAsync(server, peers);
        for (var i = 0; i < Clients; i++)
        {
            var address = $"10.99.0.{i + 2}";
            await lab.UpClientAsync(keys[i], server.Public, address, $"t{i}", ["10.99.0.1/32"], routes: i == 0);

            // All are on one host: an answer has to go through the tunnel that the question came by.
            await lab.Client.Namespace.IpAsync(
                $"route add 10.99.0.1/32 dev t{i} table {100 + i}\nrule add from 10.99.0.{i + 2} table {100 + i}"
            );
        }

        await lab.Client.WaitForPingAsync("10.99.0.1", Soon);
        for (var i = 0; i < Clients; i++)
        {
            Assert.Equal(1, await lab.Server.PingAsync($"10.99.0.{i + 2}"));
        }

        var before = await lab.Server.Control.StatusAsync("t");
        Assert.Equal(0, before.Drops("wrong_source", "in"));

        // The last one is taken out: it is not answered any more, and the first one does not notice.
        await lab.UpServerAsync(server, peers[..^1], reload: true);
        Assert.Equal(3, await lab.Server.PingAsync("10.99.0.2", 3));
        Assert.True(await lab.Server.IsSilentAsync($"10.99.0.{Clients + 1}"));
        Assert.Equal(1, (await lab.Server.Control.StatusAsync("t")).Drops("no_route", "out"));
    }
}
