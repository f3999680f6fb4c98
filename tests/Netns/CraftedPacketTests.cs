// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>Packets that no decent host sends, from either side, and rare ones that are right.</summary>
public sealed class CraftedPacketTests
{
    private static readonly string[] FilterReasons =
    [
        "not_ipv4",
        "malformed",
        "protocol",
        "icmp_type",
        "port",
        "no_flow",
        "fragment",
    ];

    // Each is dropped by the client's end when it comes from the network.
    private static readonly (string Reason, byte[] Packet)[] Bad =
    [
        ("not_ipv4", [0x60, .. new byte[39]]),
        ("not_ipv4", [0x00]),
        ("malformed", [0x45]),
        ("malformed", [0x45, .. new byte[18]]),
        ("malformed", [.. Udp(5001).ToBytes(), 0]),
        ("malformed", Udp(5001).ToBytes()[..^1]),
        ("malformed", With(Udp(5001).ToBytes(), 0, 0x44)),
        ("malformed", With(Udp(5001).ToBytes(), 0, 0x4F)),
        ("malformed", (Udp(5001) with { Payload = [1, 2, 3, 4, 5, 6, 7] }).ToBytes()),
        ("malformed", (Udp(5001) with { Protocol = 6, Payload = new byte[19] }).ToBytes()),
        ("malformed", (Udp(5001) with { HasMoreFragments = true, Payload = new byte[9] }).ToBytes()),
        ("malformed", (Udp(5001) with { FragmentOffset = 65_528, Payload = new byte[16] }).ToBytes()),
        ("malformed", (Udp(5001) with { Protocol = 6, FragmentOffset = 8, Payload = new byte[16] }).ToBytes()),
        ("protocol", (Udp(5001) with { Protocol = 47, Payload = new byte[8] }).ToBytes()),
        ("protocol", (Udp(5001) with { Protocol = 132, Payload = new byte[20] }).ToBytes()),
        ("icmp_type", (Udp(5001) with { Protocol = 1, Payload = [13, 0, .. new byte[18]] }).ToBytes()),
        ("icmp_type", (Udp(5001) with { Protocol = 1, Payload = [9, 0, .. new byte[30]] }).ToBytes()),
        ("port", Udp(6001).ToBytes()),
        ("port", Udp(0).ToBytes()),
        ("no_flow", (Udp(5001) with { Payload = CraftedPacket.UdpPayload(5001, 40_000, "x"u8) }).ToBytes()),
        ("fragment", (Udp(5001) with { FragmentOffset = 1480, Payload = new byte[100], Identification = 9 }).ToBytes()),
    ];

    [Fact]
    public async Task Each_bad_packet_from_the_network_is_dropped_for_its_reason()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var sender = lab.Server.Open(SocketType.Dgram);
        var client = new IPEndPoint(IPAddress.Parse(lab.Client.Address), (await lab.ClientStatusAsync()).LocalPort);

        foreach (var (_, packet) in Bad)
        {
            sender.SendTo(Seal(packet), client);
        }

        var status = await lab.Client.Control.WaitForAsync(
            "t",
            s => s.AllDrops >= Bad.Length,
            "all bad packets to be dropped"
        );
        foreach (var group in Bad.GroupBy(bad => bad.Reason))
        {
            Assert.Equal((group.Key, group.Count()), (group.Key, status.Drops(group.Key, "in")));
        }

        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
    }

    [Fact]
    public async Task Random_bytes_behind_the_right_magic_are_all_accounted_for_and_crash_nothing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { HeartbeatInterval = 0 });
        var before = await lab.ClientStatusAsync();
        using var sender = lab.Server.Open(SocketType.Dgram);
        var client = new IPEndPoint(IPAddress.Parse(lab.Client.Address), before.LocalPort);
        var content = new RandomContent(seed: 3);
        var buffer = new byte[2048];
        var sent = 0;
        for (var length = 0; length < 2000; length++)
        {
            content.Fill(buffer);

            // Every other one looks like IPv4 at first sight, and every fourth has the right length.
            buffer[0] = (byte)(length % 2 == 0 ? 0x45 : buffer[0]);
            if (length % 4 == 0 && length > 3)
            {
                (buffer[2], buffer[3]) = ((byte)(length >> 8), (byte)length);
            }

            sender.SendTo(Seal(buffer.AsSpan(0, length)), client);
            sent++;
            if (sent % 100 == 0)
            {
                await lab.Client.Control.WaitForAsync(
                    "t",
                    s => Accounted(s) - Accounted(before) == sent,
                    $"{sent} datagrams to be counted"
                );
            }
        }

        Assert.Equal(1, (await lab.ClientStatusAsync()).Counter("heartbeatsIn") - before.Counter("heartbeatsIn"));
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal(5, await lab.Server.PingAsync("10.0.0.2", count: 5));

        static long Accounted(TunnelStatus s) => s.AllDrops + s.Counter("packetsIn") + s.Counter("heartbeatsIn");
    }

    [Fact]
    public async Task Packets_with_options_and_packets_in_fragments_arrive()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var sender = lab.Server.Open(SocketType.Dgram);
        using var receiver = lab.Client.Open(SocketType.Dgram);
        receiver.Bind(new IPEndPoint(IPAddress.Parse("10.0.0.2"), 5001));
        var client = new IPEndPoint(IPAddress.Parse(lab.Client.Address), (await lab.ClientStatusAsync()).LocalPort);

        // 40 bytes of no-operation are the most that a header holds.
        sender.SendTo(
            Seal((Udp(5001, "options") with { Options = [.. Enumerable.Repeat((byte)1, 40)] }).ToBytes()),
            client
        );
        Assert.Equal("options", await ReceiveAsync(receiver));

        // What the kernel cuts up itself: 20,000 bytes are 16 packets, and back.
        using var asking = lab.Server.Open(SocketType.Dgram);
        asking.Bind(new IPEndPoint(IPAddress.Parse("10.0.0.1"), 40_000));
        var large = new byte[20_000];
        new RandomContent(seed: 5).Fill(large);
        asking.SendTo(large, receiver.LocalEndPoint!);
        Assert.Equal(Hash(large), Hash(await ReceiveBytesAsync(receiver)));
        receiver.SendTo(large, asking.LocalEndPoint!);
        Assert.Equal(Hash(large), Hash(await ReceiveBytesAsync(asking)));

        // Pings in fragments as well.
        Assert.Equal(0, (await lab.ClientStatusAsync()).AllDrops);
        using var pinger = new Pinger(lab.Client.Namespace, "10.0.0.1", mayFragment: true);
        Assert.True(await pinger.PingAsync(5000, WaitFor.Patience));
        Assert.Equal(0, (await lab.ClientStatusAsync()).AllDrops);
    }

    [Fact]
    public async Task Bytes_of_any_kind_that_are_put_on_the_device_are_all_accounted_for_and_crash_nothing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var device = (await lab.ClientStatusAsync()).Device;
        var index = int.Parse(
            (await lab.Client.Namespace.RunAsync("cat", $"/sys/class/net/{device}/ifindex")).Trim(),
            System.Globalization.CultureInfo.InvariantCulture
        );
        var before = await lab.ClientStatusAsync();
        using var raw = lab.Client.Namespace.Open(AddressFamily.Packet, SocketType.Dgram, ProtocolType.Unspecified);
        var content = new RandomContent(seed: 4);
        var buffer = new byte[1304];
        var sent = 0;
        foreach (var packet in Bad.Select(bad => bad.Packet).Concat(Enumerable.Range(1, 1300).Select(RandomPacket)))
        {
            raw.SendTo(packet, new LinkEndPoint(index));
            sent++;
            if (sent % 100 == 0)
            {
                await lab.Client.Control.WaitForAsync(
                    "t",
                    s => Accounted(s) - Accounted(before) == sent,
                    $"{sent} packets to be counted"
                );
            }
        }

        var after = await lab.Client.Control.WaitForAsync(
            "t",
            s => Accounted(s) - Accounted(before) == sent,
            $"{sent} packets to be counted"
        );
        foreach (var reason in FilterReasons)
        {
            Assert.True(after.Drops(reason, "out") > 0, $"{reason}: {after}");
        }

        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal(5, await lab.Server.PingAsync("10.0.0.2", count: 5));

        byte[] RandomPacket(int length)
        {
            content.Fill(buffer);
            buffer[0] = (byte)(length % 2 == 0 ? 0x45 : buffer[0]);
            return buffer[..length];
        }

        static long Accounted(TunnelStatus s) => s.Counter("packetsOut") + FilterReasons.Sum(r => s.Drops(r, "out"));
    }

    private static CraftedPacket Udp(int port, string text = "x") =>
        new("10.0.0.1", "10.0.0.2") { Payload = CraftedPacket.UdpPayload(40_000, port, Encoding.ASCII.GetBytes(text)) };

    private static byte[] With(byte[] packet, int offset, byte value)
    {
        packet[offset] = value;
        return packet;
    }

    /// <summary>Puts the magic of the file in front.</summary>
    private static byte[] Seal(ReadOnlySpan<byte> packet)
    {
#pragma warning disable CA5351 // The wire format's, not for security.
        return [.. MD5.HashData(""u8), .. packet];
#pragma warning restore CA5351
    }

    private static async Task<string> ReceiveAsync(Socket socket) =>
        Encoding.ASCII.GetString(await ReceiveBytesAsync(socket));

    private static async Task<byte[]> ReceiveBytesAsync(Socket socket)
    {
        var buffer = new byte[65536];
        using var patience = new CancellationTokenSource(WaitFor.Patience);
        return buffer[..await socket.ReceiveAsync(buffer, patience.Token)];
    }

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
