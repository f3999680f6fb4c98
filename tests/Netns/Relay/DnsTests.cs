// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>The example of the README: an internal DNS server published on a reachable host.</summary>
public sealed class DnsTests
{
    [Fact]
    public async Task A_name_server_behind_a_firewall_that_lets_only_tcp_out_is_published()
    {
        await using var relay = await RelayLab.CreateAsync();
        Requirements.Command("dnsmasq", "dnsmasq-base");
        Requirements.Command("dig", "bind9-dnsutils");

        // `ip netns exec` puts it in place of the host's.
        using var settings = new TemporaryDirectory($"/etc/netns/{relay.Inside.Namespace.Name}");
        File.WriteAllText(settings["hosts"], $"127.0.0.1 internal-dns.lan\n{relay.Outside.Address} tunnel-server\n");
        var names = relay.Inside.Namespace.Start(
            "dnsmasq",
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--pid-file=",
            "--user=root",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--port=53",
            "--address=/printer.lan/10.9.8.7",
            "--log-facility=-"
        );
        await WaitFor.TrueAsync(() => names.Text.Contains("started", StringComparison.Ordinal), "dnsmasq to start");
        await relay.StartDaemonsAsync();
        await relay.Outside.Control.RunAsync("relay", "receiver", "--udp", ":53", "--tcp", ":5353");
        await relay.Inside.Control.RunAsync(
            "relay",
            "sender",
            "--udp",
            "internal-dns.lan:53",
            "--tcp",
            "tunnel-server:5353"
        );

        await relay.ApproveAsync();

        await WaitFor.TrueAsync(
            async () =>
                (
                    await relay.Outside.Namespace.TryAsync(
                        "dig",
                        "+short",
                        "+tries=1",
                        "+time=1",
                        $"@{relay.Outside.Address}",
                        "printer.lan"
                    )
                ).Output.Trim() == "10.9.8.7",
            "an answer of the internal name server"
        );
        var flows = (await relay.Outside.Control.RunAsync("status", "receiver-53")).Json.GetProperty("flows");
        Assert.NotEmpty(flows.EnumerateArray());
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task Twenty_resolvers_at_full_speed_lose_no_answer(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        Requirements.Command("nsd", "nsd");
        Requirements.Command("dnsperf", "dnsperf");
        using var directory = new TemporaryDirectory();
        File.WriteAllText(
            directory["zone"],
            "$ORIGIN lan.\n$TTL 60\n@ SOA ns.lan. a.lan. 1 60 60 60 60\n@ NS ns.lan.\nns A 127.0.0.1\nprinter A 10.9.8.7\n"
        );
        File.WriteAllText(
            directory["nsd.conf"],
            $"""
            server:
              ip-address: 127.0.0.1@{RelayLab.ServicePort}
              username: ""
              chroot: ""
              zonesdir: "{directory[""]}"
              database: ""
              pidfile: ""
              zonelistfile: "{directory["zones"]}"
              xfrdfile: "{directory["xfrd"]}"
              xfrdir: "{directory[""]}"
              rrl-ratelimit: 0
              rrl-whitelist-ratelimit: 0
            remote-control:
              control-enable: no
            zone:
              name: lan
              zonefile: zone
            """
        );
        File.WriteAllText(directory["queries"], "printer.lan A\nns.lan A\n");
        relay.Inside.Namespace.Start("nsd", "nsd", "-d", "-c", directory["nsd.conf"]);
        await relay.StartApprovedAsync(protocol);
        await WaitFor.TrueAsync(
            async () =>
                (
                    await relay.Outside.Namespace.TryAsync(
                        "dig",
                        "+short",
                        "+tries=1",
                        "+time=1",
                        "-p",
                        $"{RelayLab.UdpPort}",
                        $"@{relay.Outside.Address}",
                        "printer.lan"
                    )
                ).Output.Trim() == "10.9.8.7",
            "an answer of the internal name server"
        );

        var report = await relay.Outside.Namespace.RunAsync(
            "dnsperf",
            "-s",
            relay.Outside.Address,
            "-p",
            $"{RelayLab.UdpPort}",
            "-d",
            directory["queries"],
            "-c",
            "20",
            "-q",
            "200",
            "-l",
            "2"
        );

        Assert.Matches(@"Queries lost:\s+0 ", report);
        Assert.Matches(@"Queries completed:\s+[1-9]", report);
    }
}
