// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>By which address, device and route a tunnel's own datagrams leave.</summary>
public sealed class BindingTests
{
    [Fact]
    public async Task A_client_leaves_from_the_address_and_port_that_its_file_names_and_a_server_waits_at_its_own()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync($"addr add 192.0.2.11/24 dev {Lab.Link}");
        await lab.Client.Namespace.IpAsync($"addr add 192.0.2.22/24 dev {Lab.Link}");
        await lab.StartTunnelAsync(
            server: file => file with { BindAddress = "192.0.2.11" },
            client: file => file with { NetworkAddress = "192.0.2.11:8000", BindAddress = "192.0.2.22:4500" }
        );
        await lab.Client.WaitForPingAsync("10.0.0.1");

        Assert.Equal("192.0.2.22:4500", (await lab.ServerStatusAsync()).Peer);
        var sockets = await lab.Server.Namespace.RunAsync("ss", "-lun");
        Assert.Contains("192.0.2.11:8000", sockets, StringComparison.Ordinal);
        Assert.DoesNotContain("0.0.0.0:8000", sockets, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_stays_on_the_device_that_the_file_names_also_when_that_comes_back()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Client.Namespace.IpAsync(
            "link add up0 type veth peer name up1\nlink set up0 up\nlink set up1 up\naddr add 192.0.2.9/32 dev up0\n"
        );
        await lab.StartTunnelAsync(client: file => file with { BindDevice = Lab.Link });
        await lab.Client.WaitForPingAsync("10.0.0.1");

        // A better route by another device does not matter.
        await lab.Client.Namespace.IpAsync("route add 192.0.2.1/32 dev up0");
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        await lab.Client.Control.RunAsync("down", "t");

        await lab.Client.Daemon.UpAsync(lab.ClientFile with { BindDevice = "up0" });
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1"));
        await lab.Client.Namespace.IpAsync("link del up0");
        var lost = await lab.Client.Control.WaitForAsync("t", s => s.Remarks.Length > 0, "the device to be missed");
        Assert.Contains("the device up0 that BindDevice names is gone", lost.Remarks, StringComparison.Ordinal);

        // Another device of that name, with a way to the server.
        await lab.Client.Namespace.IpAsync(
            $"link set {Lab.Link} down\nlink set {Lab.Link} name up0\nlink set up0 up\n"
        );
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await lab.Client.Control.WaitForAsync("t", s => s.Remarks.Length == 0, "the device to be found");
    }

    [Theory]
    [InlineData("nosuch0", null, "BindDevice: there is no device nosuch0")]
    [InlineData(null, "192.0.2.99", "BindAddress: 192.0.2.99 is no address of this host")]
    [InlineData(null, "fe80::1%nosuch0", "BindAddress: fe80::1 is no address of this host")]
    public async Task What_is_not_there_is_named_and_a_stored_tunnel_starts_when_it_comes(
        string? device,
        string? address,
        string message
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Client.Daemon.StartAsync();
        var path = lab.Client.Daemon.Write(lab.ClientFile with { BindDevice = device, BindAddress = address });

        var refused = await lab.Client.Control.TryRawAsync("up", path);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(message, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mark_leads_the_datagrams_by_its_own_rule()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { FirewallMark = 7 });
        await lab.Client.WaitForPingAsync("10.0.0.1");

        await lab.Client.Namespace.IpAsync("rule add fwmark 7 unreachable\n");
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1"));
        Assert.Equal(1, await lab.Client.PingAsync("192.0.2.1"));

        await lab.Client.Namespace.IpAsync("rule del fwmark 7 unreachable\n");
        await lab.Client.WaitForPingAsync("10.0.0.1");
    }
}
