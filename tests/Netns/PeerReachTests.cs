// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>What the peer of a classic tunnel may send, and what it reaches behind this end.</summary>
public sealed class PeerReachTests
{
    private const string Magic = "tea";

    // Behind the server: its LAN with one host.
    private const string LanHost = "192.168.9.2";

    [Fact]
    public async Task Packets_from_addresses_that_no_peer_has_are_dropped_for_their_reason()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = Magic });
        using var stranger = lab.Client.Open(SocketType.Dgram);
        var server = new IPEndPoint(IPAddress.Parse(lab.Server.Address), 8000);
        string[] sources = ["10.0.0.1", "10.0.0.255", "192.0.2.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"];
        foreach (var source in sources)
        {
            stranger.SendTo(Seal((Udp() with { Source = source }).ToBytes()), server);
        }

        stranger.SendTo(Seal((Udp() with { Protocol = 1, Payload = [5, 1, .. new byte[34]] }).ToBytes()), server);

        var status = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.AllDrops >= sources.Length + 1,
            "all to be dropped"
        );
        Assert.Equal(sources.Length, status.Drops("source_address", "in"));
        Assert.Equal(1, status.Drops("icmp_type", "in"));
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
    }

    [Fact]
    public async Task Where_a_host_forwards_up_and_doctor_say_what_the_peer_reaches()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.RunAsync("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
        await lab.Server.Daemon.StartAsync();

        var open = await lab.Server.Control.RunAsync(
            "up",
            lab.Server.Daemon.Write(lab.ServerFile with { PacketMagic = Magic })
        );
        Assert.Contains("every host that this host reaches", open.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "every host that this host reaches",
            (await lab.Server.Control.TryRawAsync("doctor", "t")).Output,
            StringComparison.Ordinal
        );

        await lab.Server.Control.RunAsync("down", "t");
        var closed = await lab.Server.Control.RunAsync(
            "up",
            lab.Server.Daemon.Write(lab.ServerFile with { PacketMagic = Magic, AllowedDestinations = ["10.0.0.1"] })
        );
        Assert.DoesNotContain("every host", closed.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "every host",
            (await lab.Server.Control.TryRawAsync("doctor", "t")).Output,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(null, null, false, true)]
    [InlineData(true, null, false, false)]
    [InlineData(true, true, false, true)]
    [InlineData(null, null, true, false)]
    public async Task The_peer_reaches_a_LAN_behind_this_host_as_the_file_says(
        bool? firewall,
        bool? forward,
        bool limited,
        bool reaches
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var lan = await NetworkNamespace.CreateAsync("lan");
        await lab.Server.Namespace.IpAsync(
            $"link add lan0 type veth peer name lan1 netns {lan.Name}\naddr add 192.168.9.1/24 dev lan0\nlink set lan0 up\n"
        );
        await lan.IpAsync($"addr add {LanHost}/24 dev lan1\nlink set lan1 up\nroute add 10.0.0.0/24 via 192.168.9.1\n");
        await lab.Server.Namespace.RunAsync("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
        await lab.StartTunnelAsync(
            server: file =>
                file with
                {
                    PacketMagic = Magic,
                    Firewall = firewall,
                    Forward = forward,
                    AllowedDestinations = limited ? ["10.0.0.0/24"] : null,
                },
            client: file => file with { PacketMagic = Magic, TunnelDevice = "reach0" }
        );
        await lab.Client.Namespace.IpAsync("route add 192.168.9.0/24 via 10.0.0.1 dev reach0\n");

        Assert.Equal(reaches ? 3 : 0, await lab.Client.PingAsync(LanHost, count: 3));
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        Assert.Equal(limited, (await lab.ServerStatusAsync()).Drops("destination_address", "in") > 0);
    }

    [Theory]
    [InlineData("192.0.2.200/25", "the network 192.0.2.0/24 of link0")]
    [InlineData("192.0.2.1/32", "the network 192.0.2.0/24 of link0")]
    [InlineData("203.0.113.7/24", "the gateway 203.0.113.1")]
    public async Task A_network_that_covers_what_this_host_reaches_is_refused_unless_that_is_meant(
        string address,
        string covered
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync("route add default via 203.0.113.1 dev link0 onlink\n");
        await lab.Server.Daemon.StartAsync();
        var file = lab.ServerFile with { TunnelAddress = address };

        var refused = await lab.Server.Control.TryRawAsync("up", lab.Server.Daemon.Write(file));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(covered, refused.Output, StringComparison.Ordinal);
        Assert.Empty(await lab.Server.Control.TunnelsAsync());

        await lab.Server.Control.RunAsync("up", lab.Server.Daemon.Write(file with { Overlap = true }));
        Assert.Contains(
            covered,
            (await lab.Server.Control.TryAsync("doctor", "t")).ToString(),
            StringComparison.Ordinal
        );
    }

    private static CraftedPacket Udp() =>
        new("10.0.0.2", "10.0.0.1") { Payload = CraftedPacket.UdpPayload(40_000, TunnelFile.Allowed, "x"u8) };

#pragma warning disable CA5351 // The wire format's own.
    private static byte[] Seal(byte[] packet) => [.. MD5.HashData(Encoding.UTF8.GetBytes(Magic)), .. packet];
#pragma warning restore CA5351
}
