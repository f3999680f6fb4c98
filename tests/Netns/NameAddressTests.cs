// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>The server's name has addresses of both families, and one of them does not work.</summary>
public sealed class NameAddressTests
{
    private const string V6 = "2001:db8::1";
    private const string V4 = "192.0.2.1";

    // A look every second, a second until the kernel has forgotten the address, and what a busy machine takes.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_client_that_loses_IPv6_goes_on_over_IPv4_and_stays_there()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await names.StartAsync("tunnel.test", V6, V4);
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal($"[{V6}]:8000", (await lab.ClientStatusAsync()).Peer);

        await lab.Client.Namespace.RunAsync("sysctl", "-qw", $"net.ipv6.conf.{Lab.Link}.disable_ipv6=1");
        var took = await lab.Client.WaitForPingAsync("10.0.0.1", Soon);
        TestContext.Current.TestOutputHelper?.WriteLine($"back after {took.TotalSeconds:0.0} s");
        Assert.Equal($"{V4}:8000", (await lab.ClientStatusAsync()).Peer);
        Assert.Contains(
            $"tried at {V4}:8000",
            (await lab.Client.Control.WaitForEventAsync("peer_moved")).Message,
            StringComparison.Ordinal
        );

        // IPv6 is back, and what works is kept, over a restart as well.
        await lab.Client.Namespace.RunAsync("sysctl", "-qw", $"net.ipv6.conf.{Lab.Link}.disable_ipv6=0");
        await lab.Client.Namespace.IpAsync($"addr add 2001:db8::2/64 dev {Lab.Link} nodad");
        await lab.Client.Daemon.TerminateAsync();
        await lab.Client.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1", Soon);
        Assert.Equal($"{V4}:8000", (await lab.ClientStatusAsync()).Peer);
    }

    [Fact]
    public async Task An_address_that_swallows_everything_gives_way_to_the_next()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await names.StartAsync("tunnel.test", V6, V4);
        await lab.Server.Namespace.NftAsync(
            "table inet t { chain c { type filter hook input priority 0; meta nfproto ipv6 udp dport 8000 drop; }; }"
        );
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });

        await lab.Client.WaitForPingAsync("10.0.0.1", Soon);
        Assert.Equal($"{V4}:8000", (await lab.ClientStatusAsync()).Peer);
    }

    [Fact]
    public async Task A_server_that_has_nothing_to_say_is_not_left()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await using var names = new NameServer(lab.Server, lab.Client);
        await names.StartAsync("tunnel.test", V6, V4);
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = "tunnel.test:8000" });
        await lab.Client.WaitForPingAsync("10.0.0.1");

        // Heartbeats alone for a while, each of which asks for no answer.
        await Task.Delay(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken);

        Assert.Equal($"[{V6}]:8000", (await lab.ClientStatusAsync()).Peer);
        Assert.DoesNotContain(await lab.Server.Control.EventsAsync(), e => e.Kind == "peer_moved");
    }
}
