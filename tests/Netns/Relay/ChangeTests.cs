// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Relays change, stop and come back, and nobody has to approve a sender twice.</summary>
public sealed class ChangeTests
{
    private static readonly byte[] Datagram = "still there?"u8.ToArray();
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task What_can_change_does_so_under_a_live_flow_and_a_restart_asks_and_keeps_the_approval()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));

        foreach (var (host, name, udp, tcp, role) in Ends(relay))
        {
            var file = Write(relay, name, role, udp, tcp, """, "IdleTimeout": 60, "MaxFlows": 20""");
            var changed = (await host.Control.RunAsync("reload", name, file)).Json;
            Assert.True(changed.GetProperty("applied").GetBoolean());
            Assert.Equal(name, changed.GetProperty("relay").GetString());
            var status = await RelayLab.StatusAsync(host, name);
            Assert.Equal(60, status.GetProperty("idleTimeout").GetDouble());
            Assert.Equal(20, status.GetProperty("maxFlows").GetInt32());
        }

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));
        foreach (var (host, name, _, _, _) in Ends(relay))
        {
            var counters = (await RelayLab.StatusAsync(host, name)).GetProperty("counters");
            Assert.Equal(1, counters.GetProperty("connections").GetInt32());
            Assert.Equal(1, counters.GetProperty("flowsOpened").GetInt32());
        }

        // Another TCP port needs a restart, which has to be allowed.
        var moved = Write(relay, RelayLab.Receiver, "receiver", $":{RelayLab.UdpPort}", $":{RelayLab.TcpPort + 5}");
        var asked = await relay.Outside.Control.TryAsync("reload", RelayLab.Receiver, moved);
        Assert.Equal(1, asked.ExitCode);
        await relay.Outside.Control.RunAsync("reload", RelayLab.Receiver, moved, "--yes");
        var receivers = $"{relay.Outside.Address}:{RelayLab.TcpPort + 5}";
        var follows = Write(relay, RelayLab.Sender, "sender", $"127.0.0.1:{RelayLab.ServicePort}", receivers);
        await relay.Inside.Control.RunAsync("reload", RelayLab.Sender, follows, "--yes");

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));
        Assert.Equal("connected", Assert.Single(await relay.SendersAsync()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Down_and_start_again_keeps_the_approval_until_it_is_revoked()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));

        var down = (await relay.Outside.Control.RunAsync("down", RelayLab.Receiver)).Json;
        Assert.Equal(1, down.GetProperty("rememberedSenders").GetInt32());
        var remembered = Assert.Single(await relay.SendersAsync());
        Assert.Equal("approved", remembered.GetProperty("state").GetString());
        Assert.Equal(RelayLab.Receiver, remembered.GetProperty("relay").GetString());

        // With other options, too.
        await relay.StartReceiverAsync("tls", "--max-flows", "7", "--ephemeral");
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));

        await relay.Outside.Control.RunAsync("down", RelayLab.Receiver);
        await relay.Outside.Control.RunAsync("revoke", remembered.GetProperty("fingerprint").GetString()!);
        Assert.Empty(await relay.SendersAsync());
        await relay.StartReceiverAsync();
        await relay.WaitForSenderAsync("pending");
    }

    [Fact]
    public async Task A_key_that_waits_at_two_relays_is_approved_by_the_command_of_the_hint_and_revoked_at_one()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        string[] names = ["first", "second"];
        for (var i = 0; i < names.Length; i++)
        {
            var tcp = RelayLab.TcpPort + 1 + i;
            await relay.Outside.Control.RunAsync(
                "relay",
                "receiver",
                "--name",
                names[i],
                "--udp",
                $":{RelayLab.UdpPort + 10 + i}",
                "--tcp",
                $":{tcp}"
            );
            await relay.Inside.Control.RunAsync(
                "relay",
                "sender",
                "--name",
                names[i],
                "--udp",
                "127.0.0.1:7100",
                "--tcp",
                $"{relay.Outside.Address}:{tcp}"
            );
        }

        await WaitFor.AnswerAsync(relay.SendersAsync, s => s.Length == 2, "two that wait");
        var key = (await RelayLab.StatusAsync(relay.Inside, "first")).GetProperty("ownFingerprint").GetString()!;
        var vague = await relay.Outside.Control.TryAsync("approve", key[..16]);
        Assert.Equal((2, "ambiguous_sender"), (vague.ExitCode, vague.Reason));

        var approved = (await relay.Outside.Control.RunAsync("approve", key)).Json;

        var relays = approved.GetProperty("senders").EnumerateArray().Select(s => s.GetProperty("relay").GetString());
        Assert.Equal(names, relays);
        await RelayLab.WaitForStateAsync(relay.Inside, "first", "running");
        await RelayLab.WaitForStateAsync(relay.Inside, "second", "running");
        await relay.Outside.Control.RunAsync("revoke", key, "--relay", "second");
        await RelayLab.WaitForStateAsync(relay.Inside, "second", "refused");
        await RelayLab.WaitForStateAsync(relay.Inside, "first", "running");
    }

    [Fact]
    public async Task A_second_sender_to_the_same_receiver_is_refused_by_its_own_daemon_which_tells_what_to_do()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartApprovedAsync();

        var refused = await relay.Inside.Control.TryAsync(
            "relay",
            "sender",
            "--name",
            "more",
            "--udp",
            "127.0.0.1:7999",
            "--tcp",
            $"{relay.Receivers}"
        );

        Assert.Equal((1, "receiver_taken"), (refused.ExitCode, refused.Reason));
        Assert.Contains(RelayLab.Sender, refused.Error, StringComparison.Ordinal);
        var told = await relay.Inside.Control.WaitForEventAsync("relay_failed");
        Assert.Contains("another relay of this host", told.Message, StringComparison.Ordinal);
        await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "running");
    }

    private static (Host Host, string Name, string Udp, string Tcp, string Role)[] Ends(RelayLab relay) =>
        [
            (relay.Outside, RelayLab.Receiver, $":{RelayLab.UdpPort}", $":{RelayLab.TcpPort}", "receiver"),
            (relay.Inside, RelayLab.Sender, $"127.0.0.1:{RelayLab.ServicePort}", $"{relay.Receivers}", "sender"),
        ];

    private static string Write(RelayLab relay, string name, string role, string udp, string tcp, string more = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(relay.Outside.Daemon.SocketPath)!, $"{name}.json");
        File.WriteAllText(
            path,
            $$"""{"Relay": "{{role}}", "UdpAddress": "{{udp}}", "TcpAddress": "{{tcp}}"{{more}}}"""
        );
        return path;
    }
}
