// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>A network that takes less than a tunnel is given.</summary>
public sealed partial class SlowLinkTests
{
    private const int Pings = 30;

    [Fact]
    public async Task A_flooded_tunnel_on_a_slow_link_loses_packets_and_keeps_no_neighbour_waiting()
    {
        await using var lab = await Lab.TwoHostsAsync();
        Requirements.Command("tc", "iproute2");
        await lab.Client.Namespace.IpAsync(
            $"link add fast0 type veth peer name fast1 netns {lab.Server.Namespace.Name}\n"
        );
        await lab.Client.Namespace.IpAsync("addr add 198.51.100.2/24 dev fast0\nlink set fast0 up\n");
        await lab.Server.Namespace.IpAsync("addr add 198.51.100.1/24 dev fast1\nlink set fast1 up\n");
        await lab.StartTunnelAsync();

        // As many as there are threads, and one of them shares its thread with the slow one.
        var neighbours = Enumerable.Range(1, Environment.ProcessorCount).Select(n => $"10.0.{n}.1").ToList();
        foreach (var (address, number) in neighbours.Select((address, index) => (address, index + 1)))
        {
            var name = $"fast{number}";
            var port = 8000 + number;
            await lab.Server.Daemon.UpAsync(
                lab.ServerFile with
                {
                    Name = name,
                    TunnelAddress = address,
                    NetworkAddress = $":{port}",
                }
            );
            await lab.Client.Daemon.UpAsync(
                lab.ClientFile with
                {
                    Name = name,
                    TunnelAddress = $"10.0.{number}.2",
                    NetworkAddress = $"198.51.100.1:{port}",
                }
            );
            await lab.Client.WaitForPingAsync(address);
        }

        var quiet = await PingAsync(lab.Client, neighbours);
        await TrafficControlAsync("qdisc add dev link0 root handle 1: htb default 1");
        await TrafficControlAsync("class add dev link0 parent 1: classid 1:1 htb rate 1mbit");
        await TrafficControlAsync("qdisc add dev link0 parent 1:1 pfifo limit 1000");
        using var done = new CancellationTokenSource();
        var flood = FloodAsync(lab.Client, done.Token);
        await WaitFor.TrueAsync(
            async () => (await lab.ClientStatusAsync()).Drops("send_buffer_full", "out") > 0,
            "a full send buffer"
        );

        var flooded = await PingAsync(lab.Client, neighbours);
        await done.CancelAsync();
        await flood;

        for (var i = 0; i < neighbours.Count; i++)
        {
            var what = $"{neighbours[i]}: {quiet[i]} quiet, {flooded[i]} flooded";
            TestContext.Current.TestOutputHelper?.WriteLine(what);
            Assert.True(flooded[i].Count >= Pings - 1, what);
            Assert.True(flooded[i].Average < (20 * quiet[i].Average) + 20, what);
        }

        async Task TrafficControlAsync(string words) =>
            await lab.Client.Namespace.RunAsync(["tc", .. words.Split(' ')]);
    }

    /// <summary>All targets at once.</summary>
    private static async Task<Answers[]> PingAsync(Host host, IEnumerable<string> targets) =>
        await Task.WhenAll(
            targets.Select(async target =>
            {
                var result = await host.Namespace.TryAsync(
                    "ping",
                    "-c",
                    Pings.ToString(CultureInfo.InvariantCulture),
                    "-i",
                    "0.1",
                    "-W",
                    "2",
                    target
                );
                var answers = Received().Match(result.Output).Groups[1].Value;
                var average = Average().Match(result.Output).Groups[1].Value;
                return new Answers(
                    int.Parse(answers, CultureInfo.InvariantCulture),
                    average.Length == 0 ? double.MaxValue : double.Parse(average, CultureInfo.InvariantCulture)
                );
            })
        );

    /// <summary>Some 6 MB/s into the slow tunnel.</summary>
    private static async Task FloodAsync(Host host, CancellationToken done)
    {
        using var socket = host.Open(SocketType.Dgram);
        var target = IPEndPoint.Parse($"10.0.0.1:{TunnelFile.Allowed}");
        var datagram = new byte[1200];
        while (!done.IsCancellationRequested)
        {
            for (var i = 0; i < 50; i++)
            {
                _ = await socket.SendToAsync(datagram, target, CancellationToken.None);
            }

            await Task.Delay(10, CancellationToken.None);
        }
    }

    [GeneratedRegex(@" (\d+) received")]
    private static partial Regex Received();

    [GeneratedRegex(@"= [\d.]+/([\d.]+)/")]
    private static partial Regex Average();

    private sealed record Answers(int Count, double Average);
}
