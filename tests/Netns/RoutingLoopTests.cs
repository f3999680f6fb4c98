// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>The route to the server leads into the tunnel itself.</summary>
public sealed class RoutingLoopTests
{
    [Fact]
    public async Task A_tunnel_that_would_feed_itself_does_not_and_says_so_and_goes_on_when_the_route_is_right_again()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var all = Enumerable.Range(1, 65_535).ToList();
        await lab.StartTunnelAsync(
            server: file => file with { AllowedPorts = all },
            client: file => file with { AllowedPorts = all }
        );
        await lab.Client.WaitForPingAsync("10.0.0.1");
        var device = (await lab.ClientStatusAsync()).Device;

        await lab.Client.Namespace.IpAsync($"route add 192.0.2.1/32 dev {device}");
        var looping = await lab.Client.Control.WaitForAsync(
            "t",
            s => s.Drops("routing_loop", "out") > 0 && s.Loop is not null,
            "the loop to be seen"
        );
        Assert.Contains($"by its device {device}", looping.Loop, StringComparison.Ordinal);
        var doctor = await lab.Client.Control.TryAsync("doctor", "t");
        Assert.Contains("leads into the tunnel itself", doctor.ToString(), StringComparison.Ordinal);
        var before = await SentAsync();
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        Assert.InRange(await SentAsync() - before, 0, 50);

        await lab.Client.Namespace.IpAsync($"route del 192.0.2.1/32 dev {device}");
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await lab.Client.Control.WaitForAsync("t", s => s.Loop is null, "the loop to be over");

        async Task<long> SentAsync() =>
            long.Parse(
                await lab.Client.Namespace.RunAsync("cat", $"/sys/class/net/{device}/statistics/tx_packets"),
                System.Globalization.CultureInfo.InvariantCulture
            );
    }
}
