// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>A path that carries less than the tunnel was made for, and an MTU that somebody sets by hand.</summary>
public sealed class PathMtuTests
{
    // Outer IP and UDP header, and the magic.
    private const int Overhead = 20 + 8 + 16;
    private const int IpAndIcmpHeader = 28;
    private const int TcpMaxSegment = 2;

    // 16 MiB take a second at full speed; with a time-out for every second packet they would take hours.
    private const int Length = 16 << 20;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    // The search for longer packets begins after 10 s, and again after 20 more.
    private static readonly TimeSpan Raised = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_path_of_1280_bytes_that_drops_fragments_carries_tcp_both_ways_at_full_speed(bool tellsByIcmp)
    {
        await using var lab = await NarrowAsync(1280, tellsByIcmp);
        await lab.StartTunnelAsync();

        // Opened before anything is known.
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.AlsoAllowed);
        await Transfer.RunAsync(pair.Dialled, pair.Accepted, Length, deadline: Soon);
        await Transfer.RunAsync(pair.Accepted, pair.Dialled, Length, deadline: Soon);
        await WaitForPathAsync(lab, 1280);

        // And after; its segments are announced to be no longer than what fits.
        using var second = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        foreach (var end in (Socket[])[second.Dialled, second.Accepted])
        {
            Assert.InRange(MaxSegment(end), 1, 1280 - Overhead - 40);
        }

        await Transfer.RunAsync(second.Dialled, second.Accepted, Length, deadline: Soon);
        await Transfer.RunAsync(second.Accepted, second.Dialled, Length, deadline: Soon);
    }

    [Fact]
    public async Task Programs_are_told_how_long_packets_may_be_and_what_may_be_fragmented_arrives_all_the_same()
    {
        await using var lab = await NarrowAsync(1280, tellsByIcmp: false);
        await lab.StartTunnelAsync();
        await lab.Client.PingAsync("10.0.0.1");
        await WaitForPathAsync(lab, 1280);
        const int Fits = 1280 - Overhead;

        Assert.Equal(1, await lab.Client.PingAsync("10.0.0.1", size: Fits - IpAndIcmpHeader));
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", size: Fits - IpAndIcmpHeader + 1));
        Assert.Equal(1, (await lab.ClientStatusAsync()).Drops("fragmentation_needed", "out"));
        var route = await lab.Client.Namespace.RunAsync("ip", "route", "get", "10.0.0.1");
        Assert.Contains($"mtu {Fits}", route, StringComparison.Ordinal);

        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3, size: 5000, mayFragment: true));
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: 5000, mayFragment: true));
    }

    [Fact]
    public async Task A_path_that_shrinks_and_grows_again_is_followed_and_open_connections_go_on()
    {
        await using var lab = await NarrowAsync(1500, tellsByIcmp: false);
        await lab.StartTunnelAsync();
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted, Length, Soon);
        Assert.Equal((1344, 1300), (await lab.ClientStatusAsync()).PathMtu);

        await SetPathAsync(lab, 1100);
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted, Length, Soon);
        await TcpPair.SayAsync(pair.Accepted, pair.Dialled, Length, Soon);
        Assert.Equal((1100, 1100 - Overhead), (await lab.ClientStatusAsync()).PathMtu);
        Assert.Equal((1100, 1100 - Overhead), (await lab.ServerStatusAsync()).PathMtu);

        await SetPathAsync(lab, 1500);
        await WaitFor.TrueAsync(
            async () =>
            {
                await TcpPair.SayAsync(pair.Dialled, pair.Accepted, 1 << 20, Soon);
                return (await lab.ClientStatusAsync()).PathMtu == (1344, 1300);
            },
            "the path as it was",
            Raised
        );
    }

    [Fact]
    public async Task With_auto_the_device_has_the_mtu_that_the_path_carries()
    {
        await using var lab = await NarrowAsync(1280, tellsByIcmp: false);
        await lab.StartTunnelAsync(both: file => file with { Mtu = "auto" });
        await lab.Client.PingAsync("10.0.0.1");
        await lab.Client.Control.WaitForAsync("t", s => s.Mtu == (1280 - Overhead, "path"), "the client's MTU");
        await Transfer.BothWaysAsync(lab, Length, Soon);
        await lab.Server.Control.WaitForAsync("t", s => s.Mtu == (1280 - Overhead, "path"), "the server's MTU");
        Assert.Contains($"mtu {1280 - Overhead} ", await LinkAsync(lab), StringComparison.Ordinal);

        await SetPathAsync(lab, 1500);
        await WaitFor.TrueAsync(
            async () =>
            {
                await Transfer.BothWaysAsync(lab, 1 << 20, Soon);
                return (await lab.ClientStatusAsync()).Mtu == (1500 - Overhead, "path")
                    && (await lab.ServerStatusAsync()).Mtu == (1500 - Overhead, "path");
            },
            "the MTU of an Ethernet",
            Raised
        );
    }

    [Theory]
    [InlineData(68)]
    [InlineData(552)]
    [InlineData(700)]
    public async Task A_forged_icmp_error_changes_nothing(ushort mtu)
    {
        await using var lab = await NarrowAsync(1500, tellsByIcmp: true);
        await lab.StartTunnelAsync();
        await lab.Client.PingAsync("10.0.0.1");
        await WaitForPathAsync(lab, 1344);

        // As a router would say of the client's datagrams; the port is easily guessed or seen.
        var port = (await lab.ClientStatusAsync()).LocalPort;
        using var router = lab.Router.Open(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
        for (var i = 0; i < 10; i++)
        {
            router.SendTo(TooLong(port, mtu), new IPEndPoint(IPAddress.Parse("192.168.7.2"), 0));
        }

        await Transfer.BothWaysAsync(lab, Length, Soon);
        Assert.Equal((1344, 1300), (await lab.ClientStatusAsync()).PathMtu);
        var route = await lab.Client.Namespace.RunAsync("ip", "route", "get", "192.0.2.1");
        Assert.DoesNotContain("mtu", route, StringComparison.Ordinal);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3, size: 1300 - IpAndIcmpHeader));
    }

    [Fact]
    public async Task An_mtu_that_is_set_by_hand_is_taken_over_and_the_files_comes_back_with_the_tunnel()
    {
        await using var lab = await Lab.TwoHostsAsync();
        foreach (var host in (Host[])[lab.Server, lab.Client])
        {
            await host.Namespace.IpAsync($"link set {Lab.Link} mtu 9000");
        }

        await lab.StartTunnelAsync(both: file => file with { TunnelDevice = "tun0" });
        Assert.Equal((1300, "file"), (await lab.ClientStatusAsync()).Mtu);

        await lab.Server.Namespace.IpAsync("link set tun0 mtu 4000");
        await lab.Client.Namespace.IpAsync("link set tun0 mtu 4000");
        Assert.Equal(1, await lab.Client.PingAsync("10.0.0.1", size: 4000 - IpAndIcmpHeader));
        await lab.Client.Control.WaitForAsync("t", s => s.Mtu == (4000, "hand"), "the MTU that was set");
        await WaitFor.TrueAsync(
            async () =>
                await lab.Client.PingAsync("10.0.0.1", size: 4000 - IpAndIcmpHeader) == 1
                && (await lab.ClientStatusAsync()).PathMtu == (4044, 4000),
            "what the path carries of it"
        );
        await Transfer.BothWaysAsync(lab, Length, Soon);
        await SendSegmentsAsync(lab, datagrams: 10, size: 3000);

        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        Assert.Equal((4000, "hand"), (await lab.ClientStatusAsync()).Mtu);
        Assert.DoesNotContain(await lab.Client.Control.EventsAsync(), e =>
            e.Message.Contains("MTU", StringComparison.Ordinal)
        );
        Assert.Equal(0, (await lab.ClientStatusAsync()).AllDrops);

        await lab.Client.Namespace.IpAsync("link set tun0 mtu 1000");
        await lab.Client.Control.WaitForAsync("t", s => s.Mtu == (1000, "hand"), "another MTU that was set");
        Assert.Equal(1, await lab.Client.PingAsync("10.0.0.1", size: 1000 - IpAndIcmpHeader));

        await lab.Client.Control.RunAsync("down", "t");
        await lab.Client.Daemon.UpAsync(lab.ClientFile);
        Assert.Equal((1300, "file"), (await lab.ClientStatusAsync()).Mtu);
    }

    /// <summary>
    /// A client and a server that drop fragments, as carriers do, with a router between whose links take less than they
    /// say.
    /// </summary>
    private static async Task<Lab> NarrowAsync(int mtu, bool tellsByIcmp)
    {
        var lab = await Lab.BehindNatAsync();
        foreach (var host in (Host[])[lab.Client, lab.Server])
        {
            await host.Namespace.NftAsync(
                "table ip path {\n chain in {\n type filter hook prerouting priority -500;\n"
                    + $" iifname {Lab.Link} ip frag-off & 0x3fff != 0 drop\n }}\n}}\n"
            );
        }

        if (!tellsByIcmp)
        {
            await lab.Router.NftAsync(
                "table inet path {\n chain out {\n type filter hook output priority 0;\n"
                    + " icmp type destination-unreachable drop\n }\n}\n"
            );
        }

        await SetPathAsync(lab, mtu);
        return lab;
    }

    private static async Task SetPathAsync(Lab lab, int mtu)
    {
        await lab.Router.IpAsync(
            string.Create(
                CultureInfo.InvariantCulture,
                $"route replace 192.168.7.0/24 dev inside mtu {mtu}\nroute replace 192.0.2.0/24 dev outside mtu {mtu}\n"
            )
        );
        await lab.Router.IpAsync("route flush cache");
    }

    private static async Task WaitForPathAsync(Lab lab, int mtu)
    {
        foreach (var host in (Host[])[lab.Client, lab.Server])
        {
            await host.Control.WaitForAsync("t", s => s.PathMtu == (mtu, mtu - Overhead), $"a path of {mtu}");
        }
    }

    private static async Task<string> LinkAsync(Lab lab) =>
        await lab.Client.Namespace.RunAsync("ip", "link", "show", (await lab.ClientStatusAsync()).Device);

    private static int MaxSegment(Socket socket)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        _ = socket.GetRawSocketOption((int)SocketOptionLevel.Tcp, TcpMaxSegment, value);
        return BitConverter.ToInt32(value);
    }

    /// <summary>ICMP 'fragmentation needed' about a datagram of the client's.</summary>
    private static byte[] TooLong(int port, ushort mtu)
    {
        var quoted = new CraftedPacket("192.168.7.2", "192.0.2.1")
        {
            Payload = CraftedPacket.UdpPayload(port, 8000, new byte[1300]),
        };
        byte[] message = [3, 4, 0, 0, 0, 0, 0, 0, .. quoted.ToBytes().AsSpan(0, 60)];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), mtu);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }

    /// <summary>Datagrams that leave a program by one send (UDP_SEGMENT), as QUIC's do.</summary>
    private static async Task SendSegmentsAsync(Lab lab, int datagrams, int size)
    {
        const int IPPROTO_UDP = 17;
        const int UDP_SEGMENT = 103;
        using var receiver = lab.Server.Open(SocketType.Dgram);
        receiver.Bind(new IPEndPoint(IPAddress.Parse("10.0.0.1"), TunnelFile.Allowed));
        using var sender = lab.Client.Open(SocketType.Dgram);
        sender.SetRawSocketOption(IPPROTO_UDP, UDP_SEGMENT, BitConverter.GetBytes(size));
        await sender.ConnectAsync(IPAddress.Parse("10.0.0.1"), TunnelFile.Allowed);
        await sender.SendAsync(new byte[datagrams * size]);
        using var patience = new CancellationTokenSource(WaitFor.Patience);
        for (var i = 0; i < datagrams; i++)
        {
            Assert.Equal(size, await receiver.ReceiveAsync(new byte[size + 1], patience.Token));
        }
    }
}
