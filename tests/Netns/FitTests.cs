// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>What does not fit between the two ends, or between a tunnel and its host, is said.</summary>
public sealed class FitTests
{
    [Theory]
    [InlineData("10.0.0.1", "sends from 10.0.0.1, an address that this host has too")]
    [InlineData("10.9.0.2", "sends from 10.9.0.2, which is not in this end")]
    public async Task An_address_of_the_other_end_that_does_not_fit_is_named(string address, string remark)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        await lab.Client.Daemon.StartAsync();
        var device = (await lab.Client.Daemon.UpAsync(lab.ClientFile with { TunnelAddress = address })).Device;
        if (address != "10.0.0.1")
        {
            await lab.Client.Namespace.IpAsync($"route add 10.0.0.1/32 dev {device}");
        }
        else
        {
            await lab.Client.Namespace.IpAsync($"route add 10.0.0.7/32 dev {device} src 10.0.0.1");
        }

        _ = await lab.Client.PingAsync(address == "10.0.0.1" ? "10.0.0.7" : "10.0.0.1");

        var status = await lab.Server.Control.WaitForAsync("t", s => s.Remarks.Length > 0, "a remark");
        Assert.Contains(remark, status.Remarks, StringComparison.Ordinal);
        Assert.Contains(
            remark,
            (await lab.Server.Control.TryAsync("doctor", "t")).ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Ports_and_an_mtu_that_differ_between_the_ends_are_named()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { AllowedPorts = [TunnelFile.Allowed, 5999], Mtu = 1400 });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        using var socket = lab.Client.Open(SocketType.Dgram);
        await socket.SendToAsync(new byte[1350], new IPEndPoint(IPAddress.Parse("10.0.0.1"), 5999));

        var status = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Remarks.Contains("Mtu", StringComparison.Ordinal),
            "a remark"
        );
        Assert.Contains(
            "packets came to ports that are not allowed at this end",
            status.Remarks,
            StringComparison.Ordinal
        );
        Assert.Contains("bytes came, and Mtu is 1300 here", status.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_of_another_tunnel_of_the_daemon_is_not_called_another_programs()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Daemon.UpAsync(lab.ServerFile);

        var second = lab.ServerFile with { Name = "second", TunnelAddress = "10.1.0.1" };
        var refused = await lab.Server.Control.TryRawAsync("up", lab.Server.Daemon.Write(second));

        Assert.Contains(
            "UDP port 8000 is in use by the tunnel t of this daemon",
            refused.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_network_that_is_exactly_another_devices_takes_nothing_over()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Client.Namespace.IpAsync("route add default via 192.0.2.1\n");
        await lab.Client.Daemon.StartAsync();
        var up = await lab.Client.Control.TryRawAsync(
            "up",
            lab.Client.Daemon.Write(
                lab.ClientFile with
                {
                    TunnelAddress = "192.0.2.77",
                    NetworkAddress = "198.51.100.1:8000",
                }
            )
        );
        Assert.Equal(0, up.ExitCode);
        Assert.Contains($"overlaps the network 192.0.2.0/24 of {Lab.Link}", up.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, await lab.Client.PingAsync("192.0.2.1"));
        Assert.Contains(
            "overlaps",
            (await lab.Client.Control.WaitForAsync("t", s => s.Remarks.Length > 0, "a remark")).Remarks,
            StringComparison.Ordinal
        );

        // Whose route is younger does not matter.
        await lab.Client.Namespace.IpAsync($"link set {Lab.Link} down\nlink set {Lab.Link} up\n");
        await lab.Client.WaitForPingAsync("192.0.2.1");
    }

    [Fact]
    public async Task A_firewall_that_drops_what_comes_out_of_the_device_is_named()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Server.Namespace.NftAsync(
            """
            table inet filter {
              chain input {
                type filter hook input priority filter; policy drop;
                iif lo accept
                ct state established,related accept
                udp dport 8000 accept
              }
            }
            """
        );
        using var listener = lab.Server.Open(SocketType.Stream);
        listener.Bind(new IPEndPoint(IPAddress.Any, TunnelFile.Allowed));
        listener.Listen();
        var device = (await lab.ServerStatusAsync()).Device;

        var found = await FirewallAsync(lab);
        Assert.Contains($"TCP port {TunnelFile.Allowed} is allowed and listens", found, StringComparison.Ordinal);
        Assert.Contains(
            $"(inet filter input) lets nothing to it that comes out of {device}",
            found,
            StringComparison.Ordinal
        );

        await lab.Server.Namespace.RunAsync(
            "nft",
            "insert",
            "rule",
            "inet",
            "filter",
            "input",
            "iifname",
            "tun*",
            "accept"
        );
        Assert.DoesNotContain("comes out of", await FirewallAsync(lab), StringComparison.Ordinal);
    }

    private static async Task<string> FirewallAsync(Lab lab)
    {
        var checks = (await lab.Server.Control.TryAsync("doctor", "t")).Json.GetProperty("checks").EnumerateArray();
        return string.Join(
            "; ",
            checks
                .Where(c => c.GetProperty("id").GetString() == "firewall")
                .Select(c => c.GetProperty("message").GetString())
        );
    }
}
