// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary><c>Firewall: true</c>: the kernel guards the device with the same ports.</summary>
public sealed class FirewallTests
{
    private const string Device = "guarded0";
    private const string Table = "table inet udptunnel_guarded0";
    private const int NotAllowed = 6001;

#pragma warning disable CA5351 // The wire format's own.
    private static readonly byte[] EmptyMagic = System.Security.Cryptography.MD5.HashData([]);
#pragma warning restore CA5351

    [Fact]
    public async Task The_table_is_there_as_long_as_the_tunnel()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        Assert.Equal(Table, await TablesAsync(lab));

        await lab.Server.Control.RunAsync("down", "t");
        Assert.Equal("", await TablesAsync(lab));
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        Assert.Equal(Table, await TablesAsync(lab));

        await lab.Server.Daemon.KillAsync();
        await WaitFor.TrueAsync(async () => await TablesAsync(lab) == "", "the table to go with its owner");
        await lab.Server.Daemon.StartAsync();
        Assert.Equal(Table, await TablesAsync(lab));
        await lab.Client.WaitForPingAsync("10.0.0.1");

        Assert.Equal(0, await lab.Server.Daemon.TerminateAsync());
        Assert.Equal("", await TablesAsync(lab));
        await lab.Server.Daemon.StartAsync();
        Assert.Equal(Table, await TablesAsync(lab));
    }

    [Fact]
    public async Task The_table_guards_all_ways_and_both_families_with_the_ports_of_the_tunnel()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);

        var rules = await RulesAsync(lab);
        Assert.Contains("flags owner", rules, StringComparison.Ordinal);
        foreach (var hook in new[] { "input", "output", "forward" })
        {
            Assert.Contains($"hook {hook}", rules, StringComparison.Ordinal);
        }

        Assert.Contains("5001-5002", rules, StringComparison.Ordinal);
        Assert.Contains("ct state { established, related } accept", rules, StringComparison.Ordinal);
        Assert.Contains($"iifname \"{Device}\"", rules, StringComparison.Ordinal);
        Assert.Contains($"oifname \"{Device}\"", rules, StringComparison.Ordinal);
        await lab.Server.Namespace.IpAsync($"addr add 2001:db8:1::1/64 dev {Device} nodad");

        // What leaves is refused before it reaches the device, and so before the tunnel's own filter sees it.
        Assert.True(IsRefused(lab.Server, "10.0.0.2", NotAllowed));
        Assert.True(IsRefused(lab.Server, "2001:db8:1::2", NotAllowed));
        Assert.False(IsRefused(lab.Server, "10.0.0.2", TunnelFile.Allowed));
        Assert.False(IsRefused(lab.Server, "2001:db8:1::2", TunnelFile.Allowed));
        var status = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Drops("not_ipv4", "out") > 0,
            "the IPv6 packet in the tunnel's own filter"
        );
        Assert.Equal(0, status.Drops("port", "out"));

        // Another device is nobody's business.
        Assert.False(IsRefused(lab.Server, lab.Client.Address, NotAllowed));

        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3));
        await Transfer.BothWaysAsync(lab, 4 << 20);
    }

    [Fact]
    public async Task What_comes_in_is_guarded_by_connections_not_by_the_tunnels_own_memory()
    {
        Requirements.Command("conntrack", "conntrack");
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        using var asking = Bind(lab.Server, "10.0.0.1", 40_000);
        using var answering = Bind(lab.Client, "10.0.0.2", TunnelFile.Allowed);
        asking.SendTo("?"u8, answering.LocalEndPoint!);
        await WaitFor.TrueAsync(() => answering.Available > 0, "a question");
        answering.SendTo("!"u8, asking.LocalEndPoint!);
        await WaitFor.TrueAsync(() => asking.Available > 0, "an answer");
        Assert.Equal(1, asking.Receive(new byte[10]));

        // The tunnel still remembers the flow, the firewall does not any more.
        await lab.Server.Namespace.RunAsync("conntrack", "-F");
        var before = (await lab.ServerStatusAsync()).Counter("packetsIn");
        answering.SendTo("!"u8, asking.LocalEndPoint!);
        await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Counter("packetsIn") > before,
            "the packet to pass the tunnel's own filter"
        );
        await WaitFor.TrueAsync(
            async () => (await RulesAsync(lab)).Contains("counter packets 1 ", StringComparison.Ordinal),
            "the firewall to count the packet"
        );
        Assert.Equal(0, asking.Available);
    }

    [Fact]
    public async Task A_peer_does_not_fill_the_connection_tracking_of_the_host()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        using var stranger = lab.Client.Open(SocketType.Dgram);
        var server = new IPEndPoint(IPAddress.Parse(lab.Server.Address), 8000);
        for (var i = 0; i < 20_000; i++)
        {
            var packet = new CraftedPacket($"10.7.{i >> 8}.{i & 255}", "10.0.0.1");
            var bytes =
                i % 2 == 0
                    ? packet with
                    {
                        Protocol = 1,
                        Payload = CraftedPacket.EchoRequest((ushort)i),
                    }
                    : packet with
                    {
                        Payload = CraftedPacket.UdpPayload(40_000, TunnelFile.Allowed, "x"u8),
                    };
            stranger.SendTo([.. EmptyMagic, .. bytes.ToBytes()], server);
            if (i % 200 == 0)
            {
                await Task.Delay(4, TestContext.Current.CancellationToken);
            }
        }

        await lab.Server.Control.WaitForAsync("t", s => s.Counter("flows") > 8500, "the flood to have come in");
        var entries = int.Parse(
            await lab.Server.Namespace.RunAsync("cat", "/proc/sys/net/netfilter/nf_conntrack_count"),
            System.Globalization.CultureInfo.InvariantCulture
        );
        Assert.InRange(entries, 1, 8192 + 100);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
    }

    [Fact]
    public async Task Ports_that_change_at_run_time_change_in_the_table_and_connections_go_on()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        Assert.True(IsRefused(lab.Server, "10.0.0.2", NotAllowed));

        await lab.Server.Control.RunAsync("ports", "t", "allow", $"{NotAllowed}", "7000-7010");
        Assert.False(IsRefused(lab.Server, "10.0.0.2", NotAllowed));
        Assert.False(IsRefused(lab.Server, "10.0.0.2", 7005));
        await lab.Server.Control.RunAsync("ports", "t", "deny", $"{NotAllowed}", "7005");
        Assert.True(IsRefused(lab.Server, "10.0.0.2", NotAllowed));
        Assert.True(IsRefused(lab.Server, "10.0.0.2", 7005));
        Assert.False(IsRefused(lab.Server, "10.0.0.2", 7006));
        await download.WaitForMoreAsync();

        // What was changed is what is guarded after a restart.
        await lab.Server.Daemon.WaitUntilSavedAsync("t", TunnelFile.Allowed);
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();
        Assert.True(IsRefused(lab.Server, "10.0.0.2", NotAllowed));
        Assert.False(IsRefused(lab.Server, "10.0.0.2", 7006));
        await download.WaitForMoreAsync();
        await download.FinishAsync();
    }

    [Fact]
    public async Task Many_guarded_tunnels_take_little_memory()
    {
        const int Many = 40;
        const int MaxGrowthKilobytes = 64 * 1024;
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        using var api = new ControlApi(lab.Server.Daemon.SocketPath);
        var before = ProcessUsage.Of(lab.Server.Daemon.Id).OwnKilobytes;
        for (var i = 0; i < Many; i++)
        {
            await api.UpAsync(Guarded(lab, i));
        }

        // What libnftables read of all the others for each of them was 430 MB.
        Assert.InRange(ProcessUsage.Of(lab.Server.Daemon.Id).OwnKilobytes - before, int.MinValue, MaxGrowthKilobytes);

        // And each is still master of its own.
        await lab.Server.Control.RunAsync("ports", "many7", "allow", $"{NotAllowed}");
        Assert.Contains(
            $"{NotAllowed}",
            await lab.Server.Namespace.RunAsync("nft", "list", "set", "inet", "udptunnel_many7", "ports"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Guarded_tunnels_that_come_and_go_at_once_leave_no_memory_behind()
    {
        const int Many = 40;

        // The ordinary build's compiler takes memory, too.
        var maxGrowthKilobytes = (Programs.AreNative ? 12 : 32) * 1024;
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);
        using var api = new ControlApi(lab.Server.Daemon.SocketPath);
        await ComeAndGoAsync(isGuarded: false);
        await ComeAndGoAsync(isGuarded: false);
        var before = ProcessUsage.Of(lab.Server.Daemon.Id).OwnKilobytes;
        await ComeAndGoAsync(isGuarded: true);
        await ComeAndGoAsync(isGuarded: true);

        // A heap for each of the threads that had served them held 17 to 45 MB.
        Assert.InRange(ProcessUsage.Of(lab.Server.Daemon.Id).OwnKilobytes - before, int.MinValue, maxGrowthKilobytes);

        async Task ComeAndGoAsync(bool isGuarded)
        {
            await Task.WhenAll(
                Enumerable.Range(0, Many).Select(i => api.UpAsync(Guarded(lab, i) with { Firewall = isGuarded }))
            );
            await Task.WhenAll(Enumerable.Range(0, Many).Select(i => api.DownAsync(Guarded(lab, i).Name)));
        }
    }

    [Fact]
    public async Task A_device_that_is_made_again_is_guarded_as_before()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await StartAsync(lab);

        await lab.Server.Namespace.IpAsync($"link del {Device}");
        await lab.Server.WaitForPingAsync("10.0.0.2");

        Assert.Equal(Table, await TablesAsync(lab));
        Assert.True(IsRefused(lab.Server, "10.0.0.2", NotAllowed));
        Assert.False(IsRefused(lab.Server, "10.0.0.2", TunnelFile.Allowed));
    }

    private static Task StartAsync(Lab lab) =>
        lab.StartTunnelAsync(server: file => file with { TunnelDevice = Device, Firewall = true });

    private static TunnelFile Guarded(Lab lab, int number) =>
        lab.ServerFile with
        {
            Name = $"many{number}",
            TunnelDevice = $"many{number}",
            TunnelAddress = $"10.1.{number}.1",
            NetworkAddress = $":{9000 + number}",
            Firewall = true,
        };

    private static Task<string> RulesAsync(Lab lab) => lab.Server.Namespace.RunAsync("nft", "list", "ruleset");

    private static async Task<string> TablesAsync(Lab lab) =>
        (await lab.Server.Namespace.RunAsync("nft", "list", "tables")).Trim();

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

    private static Socket Bind(Host host, string address, int port)
    {
        var socket = host.Open(SocketType.Dgram);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }
}
