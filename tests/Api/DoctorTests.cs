// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>The doctor on hosts with real faults.</summary>
public sealed class DoctorTests
{
    private const string Client =
        """{"TunnelAddress": "10.98.1.2/24", "NetworkAddress": "127.0.0.1:20001", "AllowedPorts": [22], "HeartbeatInterval": 1}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_healthy_host_is_called_so_and_tunnels_notice_nothing()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("server", Configurations.Server(1)), ("client", Client))
        );
        await IsRunningAsync(daemon, "server");

        var checks = await DiagnoseAsync(daemon);

        Assert.DoesNotContain(checks, c => c.Result == CheckResult.Failure);
        foreach (
            var id in new[]
            {
                "tun_device",
                "offload_tun_tcp",
                "offload_tun_udp",
                "offload_udp_segment",
                "offload_udp_gro",
                "capabilities",
                "open_files",
                "state_directory",
                "config_directory",
            }
        )
        {
            Assert.Equal((id, CheckResult.Ok), (id, Assert.Single(checks, c => c.Id == id).Result));
        }

        foreach (
            var (name, ids) in new[]
            {
                ("server", new[] { "tunnel", "nat", "port", "firewall", "path_mtu" }),
                ("client", ["nat", "path_mtu"]),
            }
        )
        {
            Assert.All(ids, id =>
                Assert.Equal(
                    (id, CheckResult.Ok),
                    (id, Assert.Single(checks, c => c.Id == id && c.Subject == name).Result)
                )
            );
        }

        Assert.All(checks, c => Assert.NotEmpty(c.Message));
        var tunnels = (
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
        ).Tunnels;
        Assert.All(tunnels, t => Assert.Empty(t.Counters.Drops));
        Assert.DoesNotContain("udpdoctor", await daemon.RunInNamespaceAsync("ip link"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_TUN_device_it_says_so_and_how_to_load_it()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Before = "mount -t tmpfs none /dev/net" }
        );

        Has(await DiagnoseAsync(daemon), "tun_device", CheckResult.Failure, "/dev/net/tun", "modprobe tun");
    }

    [Fact]
    public async Task Without_the_capability_it_names_it()
    {
        Requirements.Root();
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = ["/usr/bin/setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"] }
        );

        var checks = await DiagnoseAsync(daemon);

        Has(checks, "capabilities", CheckResult.Failure, "CAP_NET_ADMIN", "AmbientCapabilities=CAP_NET_ADMIN");
        Has(checks, "tun_device", CheckResult.Failure, "not permitted", "CAP_NET_ADMIN");
    }

    [Fact]
    public async Task A_loopback_that_is_down_is_found()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup { Before = "ip link set lo down" });

        Has(await DiagnoseAsync(daemon), "offload_udp_segment", CheckResult.Failure, "loopback", "ip link set lo up");
    }

    [Fact]
    public async Task A_path_that_carries_less_than_the_tunnel_sends_is_found_with_the_mtu_that_fits()
    {
        Requirements.Root();
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(
                ("narrow", Client.Replace("127.0.0.1", "198.51.100.1", StringComparison.Ordinal)),
                ("lost", Client.Replace("127.0.0.1", "203.0.113.1", StringComparison.Ordinal))
            ) with
            {
                Before = """
                ip link add path0 type veth peer name path1
                ip address add 192.0.2.1/24 dev path0
                ip link set path0 up
                ip link set path1 up
                ip route add 198.51.100.0/24 via 192.0.2.2 mtu 1330
                """,
            }
        );

        var checks = await DiagnoseAsync(daemon);

        // 1300 and 16 of magic, 8 of UDP, 20 of IP.
        Has(
            checks,
            "path_mtu",
            CheckResult.Warning,
            "up to 1344 bytes and the path to 198.51.100.1:20001 carries 1330",
            "\"Mtu\": 1286",
            "narrow"
        );
        Has(checks, "path_mtu", CheckResult.Failure, "no way to 203.0.113.1:20001", "ip route get 203.0.113.1", "lost");
    }

    [Fact]
    public async Task A_name_server_that_refuses_or_keeps_silent_is_found_in_bounded_time()
    {
        Requirements.Root();
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("far", Client.Replace("127.0.0.1", "server.invalid", StringComparison.Ordinal))) with
            {
                Before = """
                mount -t tmpfs none /mnt
                echo 'nameserver 127.0.0.1' > /mnt/resolv.conf
                mount --bind /mnt/resolv.conf /etc/resolv.conf
                """,
            }
        );
        Has(
            await DiagnoseAsync(daemon, "far"),
            "dns",
            CheckResult.Failure,
            "server.invalid does not resolve",
            "getent ahosts server.invalid",
            "far"
        );

        // A tunnel at the port of DNS takes every question and answers none.
        await daemon.Channel.Tunnels.StartTunnelAsync(
            new StartTunnelRequest
            {
                Name = "silent",
                Configuration = """{"TunnelAddress": "10.97.1.1", "NetworkAddress": ":53", "AllowedPorts": [1]}""",
            },
            cancellationToken: Cancellation
        );
        var taken = Stopwatch.StartNew();
        Has(
            await DiagnoseAsync(daemon, "far"),
            "dns",
            CheckResult.Failure,
            "does not answer within 4 s",
            "resolv.conf",
            "far"
        );
        Assert.InRange(taken.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(9));
    }

    [Fact]
    public async Task A_port_that_another_has_is_found_and_who_has_it_can_be_seen()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(
                ("a", Configurations.Server(1)),
                ("b", Configurations.Server(1).Replace("10.99.1.1", "10.99.9.1", StringComparison.Ordinal))
            )
        );

        var checks = await DiagnoseAsync(daemon);

        Has(checks, "port", CheckResult.Failure, "UDP port 20001 is in use", "sudo ss -lunp 'sport = :20001'", "b");
        Has(checks, "tunnel", CheckResult.Failure, "20001", "", "b");
        Has(checks, "port", CheckResult.Ok, "UDP port 20001 is ours", "", "a");
    }

    [Fact]
    public async Task A_firewall_that_lets_nothing_in_is_named_with_the_rule_that_mends_it()
    {
        Requirements.Root();
        Requirements.Tun();
        Requirements.Program("/usr/sbin/nft", "nftables");
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("server", Configurations.Server(1))) with
            {
                Before =
                    "nft 'add table inet mine; add chain inet mine in { type filter hook input priority 0; policy drop; }; add rule inet mine in iif lo accept'",
            }
        );
        var found = Has(
            await DiagnoseAsync(daemon),
            "firewall",
            CheckResult.Failure,
            "(inet mine in) lets nothing in",
            "udp dport 20001 accept",
            "server"
        );

        // The remedy is a command, and it helps.
        await daemon.RunInNamespaceAsync(found.Remedy.Replace("sudo ", "", StringComparison.Ordinal));
        Has(await DiagnoseAsync(daemon), "firewall", CheckResult.Ok, "no firewall of this host", "", "server");
    }

    [Fact]
    public async Task A_host_that_forgets_flows_before_the_next_heartbeat_is_found()
    {
        Requirements.Root();
        Requirements.Tun();
        Requirements.Program("/usr/sbin/nft", "nftables");
        await using var daemon = await DaemonProcess.StartAsync(
            Files(
                (
                    "client",
                    Client.Replace("\"HeartbeatInterval\": 1", "\"HeartbeatInterval\": 30", StringComparison.Ordinal)
                )
            ) with
            {
                Before = """
                nft 'add table inet mine; add chain inet mine in { type filter hook input priority 0; };
                add rule inet mine in ct state invalid drop'
                echo 20 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream
                """,
            }
        );

        Has(
            await DiagnoseAsync(daemon),
            "conntrack",
            CheckResult.Warning,
            "silent for 20 s",
            "\"HeartbeatInterval\": 10",
            "client"
        );
    }

    [Fact]
    public async Task Two_ends_with_different_magic_are_told_apart_from_silence()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(
                ("server", Configurations.Server(1)),
                ("client", Client.Replace("}", ", \"PacketMagic\": \"x\"}", StringComparison.Ordinal))
            )
        );
        await Eventually.BecomesTrueAsync(
            async () =>
                (await DiagnoseAsync(daemon, "server")).Any(c =>
                    c.Id == "tunnel" && c.Message.Contains("PacketMagic differs", StringComparison.Ordinal)
                ),
            () => "the magic is not blamed"
        );

        Has(
            await DiagnoseAsync(daemon),
            "tunnel",
            CheckResult.Warning,
            "nothing came from the server 127.0.0.1:20001",
            "at the server",
            "client"
        );
    }

    [Fact]
    public async Task A_socket_that_somebody_opened_is_found()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        File.SetUnixFileMode(
            daemon.SocketPath,
            File.GetUnixFileMode(daemon.SocketPath) | UnixFileMode.OtherRead | UnixFileMode.OtherWrite
        );

        Has(
            await DiagnoseAsync(daemon),
            "control_socket",
            CheckResult.Failure,
            "opened to everybody",
            $"sudo chmod 660 {daemon.SocketPath}"
        );
    }

    [Fact]
    public async Task Only_what_was_named_is_looked_at_and_an_unknown_name_is_not_found()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(
                ("server", Configurations.Server(1)),
                ("relay", """{"Relay": "receiver", "UdpAddress": ":7001", "TcpAddress": ":7001"}""")
            )
        );

        Assert.Equal(
            ["", "server"],
            (await DiagnoseAsync(daemon, "server")).Select(c => c.Subject).Distinct().Order(StringComparer.Ordinal)
        );
        Has(
            await DiagnoseAsync(daemon, "relay"),
            "relay",
            CheckResult.Warning,
            "no sender has connected",
            "relay sender",
            "relay"
        );
        (
            await Failure.OfAsync(
                daemon.Channel.Daemon.DiagnoseAsync(
                    new DiagnoseRequest { Name = "nobody" },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
    }

    private static DaemonSetup Files(params (string Name, string Text)[] files) =>
        new() { ConfigurationFiles = files.ToDictionary(f => f.Name, f => f.Text) };

    private static async Task<IReadOnlyList<Check>> DiagnoseAsync(DaemonProcess daemon, string name = "") =>
        (
            await daemon.Channel.Daemon.DiagnoseAsync(
                new DiagnoseRequest { Name = name },
                cancellationToken: Cancellation
            )
        ).Checks;

    private static Check Has(
        IReadOnlyList<Check> checks,
        string id,
        CheckResult result,
        string message,
        string remedy,
        string subject = ""
    )
    {
        var found = checks.FirstOrDefault(c => c.Id == id && c.Subject == subject);
        Assert.True(found is not null, $"{id} is not among\n{string.Join('\n', checks)}");
        Assert.Equal(result, found.Result);
        Assert.Contains(message, found.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, found.Remedy, StringComparison.Ordinal);
        return found;
    }

    private static Task IsRunningAsync(DaemonProcess daemon, string name) =>
        Eventually.BecomesTrueAsync(
            async () =>
                (
                    await daemon.Channel.Tunnels.ListTunnelsAsync(
                        new ListTunnelsRequest { Names = { name } },
                        cancellationToken: Cancellation
                    )
                )
                    .Tunnels[0]
                    .State == TunnelState.Running,
            () => $"{name} does not run"
        );
}
