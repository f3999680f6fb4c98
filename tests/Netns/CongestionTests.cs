// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>
/// Explicit congestion notification across the tunnel (RFC 6040), and the code point of its datagrams.
/// </summary>
public sealed partial class CongestionTests
{
    private const int Capable = 0b10;

    [Fact]
    public async Task A_mark_on_a_datagram_comes_back_to_a_packet_whose_sender_looks_at_it()
    {
        await using var lab = await StartAsync("udp dport 8000 ip ecn ect0 ip dscp 46 counter ip ecn set ce");
        Send(lab, Capable);

        await WaitForAsync(lab);
        Assert.Equal(0, (await lab.ServerStatusAsync()).Drops("congestion_mark", "in"));
    }

    [Fact]
    public async Task A_marked_packet_whose_sender_does_not_look_at_marks_is_dropped_and_counted()
    {
        await using var lab = await StartAsync(
            "udp dport 8000 udp length > 100 ip ecn not-ect ip dscp 46 counter ip ecn set ce"
        );
        Send(lab, 0);

        await lab.Server.Control.WaitForAsync("t", s => s.Drops("congestion_mark", "in") == 20, "the drops");
    }

    private static async Task<Lab> StartAsync(string rule)
    {
        var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(
            server: file => file with { TunnelDevice = "ecn0" },
            client: file => file with { Dscp = 46 }
        );
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await lab.Server.Namespace.NftAsync(
            $$"""
            table ip e {
              chain c {
                type filter hook prerouting priority -300;
                iifname "{{Lab.Link}}" {{rule}}
                iifname "ecn0" ip ecn ce counter
              }
            }
            """
        );
        return lab;
    }

    private static void Send(Lab lab, int bits)
    {
        using var socket = lab.Client.Open(SocketType.Dgram);
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.TypeOfService, bits);
        for (var i = 0; i < 20; i++)
        {
            socket.SendTo(new byte[200], new IPEndPoint(IPAddress.Parse("10.0.0.1"), TunnelFile.Allowed));
        }
    }

    /// <remarks>A run of datagrams is one packet to the rules, and so is what they become behind the tunnel.</remarks>
    private static Task WaitForAsync(Lab lab) =>
        WaitFor.TrueAsync(
            async () =>
            {
                var rules = await lab.Server.Namespace.RunAsync("nft", "list", "table", "ip", "e");
                var counted = Counter().Matches(rules).Select(m => int.Parse(m.Groups[1].ValueSpan, provider: null));
                return counted.Count(n => n > 0) == 2;
            },
            "the marks to be counted"
        );

    [GeneratedRegex(@"counter packets (\d+)")]
    private static partial Regex Counter();
}
