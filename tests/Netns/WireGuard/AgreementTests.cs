// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json.Nodes;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>
/// Where the two ends of a secure tunnel do not agree, the doctor says so at the end that can know, and what to change.
/// </summary>
public sealed class AgreementTests
{
    // Three tries of a handshake, five seconds apart.
    private static readonly TimeSpan SomeTries = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Two_ends_with_one_address_are_told_at_both()
    {
        await using var lab = await SecureLab.StartAsync();

        // A hub lets its clients reach each other, so a client sends to others than the hub.
        await lab.MeetAsync(client: new { TunnelAddress = new[] { "10.99.0.1/24", "fd99::1/64" } }, waits: false);
        await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.3");
        await ExpectAsync(lab.Server, "sends from 10.99.0.1, which is this end's own address", "\"TunnelAddress\"");

        await lab.Server.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.2");
        await ExpectAsync(lab.Client, "sends from 10.99.0.1, an address that this host has too", "");
    }

    [Fact]
    public async Task An_address_of_IPv6_that_both_ends_have_is_told()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(client: new { TunnelAddress = new[] { "10.99.0.2/24", "fd99::1/64" } });

        await lab.Server.Namespace.TryAsync("ping", "-6", "-c", "1", "-W", "1", "fd99::2");

        await ExpectAsync(lab.Client, "sends from fd99::1, an address that this host has too", "");
    }

    [Fact]
    public async Task A_network_of_a_peer_that_this_host_reaches_otherwise_is_told()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.Server.Namespace.IpAsync($"address add 10.50.7.1/24 dev {Lab.Link}");
        await lab.MeetAsync(
            server: new
            {
                Peers = new[]
                {
                    new JsonObject
                    {
                        ["Name"] = "laptop",
                        ["PublicKey"] = SecureLab.AnyPublicKey(),
                        ["AllowedIPs"] = new JsonArray("10.50.0.0/16"),
                    },
                },
            },
            waits: false
        );

        await ExpectAsync(
            lab.Server,
            $"10.50.0.0/16 of the peer laptop overlaps 10.50.7.0/24 of {Lab.Link}: packets to the latter go by {Lab.Link}",
            "\"AllowedIPs\""
        );
    }

    [Fact]
    public async Task Mtus_that_differ_are_told_at_the_end_with_the_smaller_one()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync(server: new { Mtu = 1300 }, client: new { Mtu = 1400 });

        await lab.Client.LearnPathAsync("10.99.0.1", 1350);

        await ExpectAsync(lab.Server, "sent packets of 1378 bytes, and \"Mtu\" is 1300 here", "\"Mtu\": 1300");
        Assert.DoesNotContain("\"Mtu\" is", await DoctorAsync(lab.Client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preshared_keys_that_differ_are_told_at_both_ends_and_no_more_once_they_are_the_same()
    {
        await using var lab = await SecureLab.StartAsync();
        var shared = await lab.NewPresharedKeyAsync();
        await lab.MeetAsync(serverAsPeer: new { PresharedKey = shared }, waits: false);

        await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.1");
        await ExpectAsync(
            lab.Client,
            "does not verify: probably the preshared keys of both ends differ",
            "PresharedKey"
        );
        await ExpectAsync(lab.Server, "handshakes and does not go on: probably the preshared keys", "PresharedKey");

        await lab.UpAsync(lab.Client, lab.ClientFile(), reload: true);
        await lab.Client.WaitForPingAsync("10.99.0.1", SomeTries);
        foreach (var host in (Host[])[lab.Client, lab.Server])
        {
            Assert.DoesNotContain("preshared", await DoctorAsync(host), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Clocks_that_are_apart_are_told_and_one_that_is_set_back_too()
    {
        using var clock = new WallClock();
        await using var lab = await SecureLab.StartAsync(prepare: hosts =>
        {
            hosts.Client.AddDaemon(clock.Launcher);
            return Task.CompletedTask;
        });
        clock.Set("+3h");
        await lab.MeetAsync();
        await ExpectAsync(lab.Server, "shook hands with a time 3 hours ahead of this host's", "timedatectl");

        // A daemon that has kept nothing does not know what it said before.
        clock.Set("+0");
        await lab.Client.Control.RunAsync("down", "t");
        await lab.UpAsync(lab.Client, lab.ClientFile());
        await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.1");
        await ExpectAsync(lab.Server, "shakes hands with a time 3 hours before its last one", "its clock");
    }

    private static Task ExpectAsync(Host host, string message, string remedy) =>
        WaitFor.AnswerAsync(
            async () =>
            {
                var doctor = (await host.Control.TryAsync("doctor", "t")).Json.GetProperty("checks");
                return string.Join(
                    '\n',
                    doctor
                        .EnumerateArray()
                        .Select(c => $"{c.GetProperty("message").GetString()} / {c.GetProperty("remedy").GetString()}")
                );
            },
            text =>
                text.Split('\n')
                    .Any(line =>
                        line.Contains(message, StringComparison.Ordinal)
                        && line.Contains(remedy, StringComparison.Ordinal)
                    ),
            $"the doctor to say '{message}'",
            SomeTries
        );

    private static async Task<string> DoctorAsync(Host host) => (await host.Control.TryAsync("doctor", "t")).ToString();
}
