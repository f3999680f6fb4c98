// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// The doctor on hosts where something is really used up: files, disk, connection tracking; and what iptables of old
/// has a say in.
/// </summary>
public sealed class DoctorLimitTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fewer_open_files_than_the_flows_of_a_sender_need_are_found_with_the_number_that_helps()
    {
        Requirements.Program("/usr/bin/prlimit", "util-linux");
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = ["/usr/bin/prlimit", "--nofile=1000:1000"] }
        );
        (await CheckAsync(daemon, "open_files")).Has(CheckResult.Ok, "1000 files may be open");
        await daemon.Channel.Relays.StartRelayAsync(
            new StartRelayRequest
            {
                Name = "r",
                Configuration =
                    """{"Relay": "sender", "UdpAddress": "127.0.0.1:9", "TcpAddress": "127.0.0.1:9", "MaxFlows": 5000}""",
            },
            cancellationToken: Cancellation
        );

        (await CheckAsync(daemon, "open_files")).Has(
            CheckResult.Warning,
            "1000 files may be open; with all flows live there would be 5256",
            "LimitNOFILE=5256"
        );
    }

    [Fact]
    public async Task A_disk_that_becomes_full_and_is_full_is_found()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup { Before = "true" });
        (await CheckAsync(daemon, "state_directory")).Has(CheckResult.Ok, daemon.StateDirectory);

        await daemon.RunInNamespaceAsync($"mount -t tmpfs -o size=1m none '{daemon.StateDirectory}'");
        try
        {
            (await CheckAsync(daemon, "state_directory")).Has(
                CheckResult.Warning,
                "KiB left",
                $"df {daemon.StateDirectory}"
            );
            await daemon.RunInNamespaceAsync(
                $"head -c 2m /dev/zero > '{daemon.StateDirectory}/filling' 2>/dev/null || true"
            );
            (await CheckAsync(daemon, "state_directory")).Has(
                CheckResult.Failure,
                "what runs cannot be stored",
                $"df {daemon.StateDirectory}"
            );
        }
        finally
        {
            await daemon.RunInNamespaceAsync($"umount -l '{daemon.StateDirectory}'");
        }

        (await CheckAsync(daemon, "state_directory")).Has(CheckResult.Ok, daemon.StateDirectory);
    }

    [Fact]
    public async Task Connection_tracking_that_becomes_full_and_is_full_is_found()
    {
        // The kernel has one bound for all namespaces, which a test must not lower; so it fills its own.
        const int MostFilled = 300_000;
        Requirements.Root();
        Requirements.Program("/usr/sbin/nft", "nftables");
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                Before = """
                nft 'add table inet mine; add chain inet mine in { type filter hook input priority 0; };
                add rule inet mine in ct state invalid drop'
                echo 600 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout
                """,
            }
        );
        var bound = long.Parse(
            await daemon.RunInNamespaceAsync("cat /proc/sys/net/netfilter/nf_conntrack_max"),
            CultureInfo.InvariantCulture
        );
        Assert.SkipWhen(
            bound > MostFilled,
            $"connection tracking has room for {bound} entries, which takes too long to fill"
        );
        (await CheckAsync(daemon, "conntrack")).Has(CheckResult.Ok, $"of {bound} entries");

        var most = bound * 9 / 10;
        await FillAsync(daemon, 0, most + 1);
        (await CheckAsync(daemon, "conntrack")).Has(
            CheckResult.Warning,
            $"of {bound} entries; when it is full",
            $"nf_conntrack_max={bound * 2}"
        );
        await FillAsync(daemon, most, bound + 1000);
        (await CheckAsync(daemon, "conntrack")).Has(
            CheckResult.Failure,
            $"of {bound} entries",
            $"nf_conntrack_max={bound * 2}"
        );
    }

    [Fact]
    public async Task Rules_of_iptables_of_old_are_not_passed_over()
    {
        Requirements.Root();
        Requirements.Tun();
        Requirements.Program("/usr/sbin/iptables-legacy", "iptables");
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                ConfigurationFiles = new Dictionary<string, string> { ["server"] = Configurations.Server(1) },
            }
        );
        (await CheckAsync(daemon, "firewall", "server")).Has(
            CheckResult.Ok,
            "no firewall of this host keeps others from UDP port 20001"
        );

        await daemon.RunInNamespaceAsync("iptables-legacy -A INPUT -p udp -j DROP || exit 77");
        var found = (await CheckAsync(daemon, "firewall", "server")).Has(
            CheckResult.Warning,
            "iptables-legacy has rules",
            "iptables-legacy -I INPUT -p udp --dport 20001 -j ACCEPT"
        );

        // The remedy is a command, and it does what it says.
        await daemon.RunInNamespaceAsync(found.Remedy.Replace("sudo ", "", StringComparison.Ordinal) + " 2>/dev/null");
        Assert.Contains(
            "--dport 20001 -j ACCEPT",
            (await daemon.RunInNamespaceAsync("iptables-legacy -S INPUT")).Split('\n')[1],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_clock_is_what_the_kernel_says_of_it()
    {
        await using var daemon = await DaemonProcess.StartAsync();

        var found = await CheckAsync(daemon, "clock");

        // A test must not set the clock of its host; which of the two it is depends on who keeps it.
        if (found.Check.Result == CheckResult.Ok)
        {
            found.Has(CheckResult.Ok, "is synchronised");
        }
        else
        {
            found.Has(CheckResult.Warning, "nothing keeps the clock right", "timedatectl set-ntp true");
        }
    }

    /// <summary>Flows to as many ports of the loopback; each is an entry.</summary>
    private static Task<string> FillAsync(DaemonProcess daemon, long from, long to) =>
        daemon.RunInNamespaceAsync(
            $"""
            /usr/bin/python3 -c '
            import socket
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range({(to / 60_000) + 1})]
            for number in range({from}, {to}):
                try:
                    sockets[number // 60000].sendto(b"", ("127.0.0.%d" % (2 + number // 60000), 1 + number % 60000))
                except OSError:
                    pass
            '
            """
        );

    private static async Task<Found> CheckAsync(DaemonProcess daemon, string id, string name = "")
    {
        var answer = await daemon.Channel.Daemon.DiagnoseAsync(
            new DiagnoseRequest { Name = name },
            cancellationToken: Cancellation
        );
        return new Found(Assert.Single(answer.Checks, c => c.Id == id && c.Subject == name));
    }

    private sealed record Found(Check Check)
    {
        public Check Has(CheckResult result, string message, string remedy = "")
        {
            Assert.True(
                result == Check.Result && Check.Message.Contains(message, StringComparison.Ordinal),
                Check.ToString()
            );
            Assert.Contains(remedy, Check.Remedy, StringComparison.Ordinal);
            return Check;
        }
    }
}
