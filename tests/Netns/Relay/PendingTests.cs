// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Several senders want to be the one of a receiver.</summary>
public sealed class PendingTests
{
    [Fact]
    public async Task Of_two_that_are_approved_at_the_same_moment_exactly_one_is_let_in_and_the_other_is_told_of_it()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        using var one = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        using var other = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        await WaitFor.TrueAsync(async () => (await relay.SendersAsync()).Length == 2, "two senders that wait");

        var results = await Task.WhenAll(
            relay.Outside.Control.TryAsync("approve", one.Fingerprint),
            relay.Outside.Control.TryAsync("approve", other.Fingerprint)
        );

        var (winner, loser) = results[0].ExitCode == 0 ? (one, other) : (other, one);
        var refused = Assert.Single(results, r => r.ExitCode != 0);
        Assert.Equal("sender_not_pending", refused.Reason);
        Assert.Contains(winner.Fingerprint, refused.Error, StringComparison.Ordinal);
        await winner.WaitForAsync(HandmadeSender.Approved);
        var told = await relay.SendersAsync();
        Assert.Equal("connected", State(told, winner));
        Assert.Equal("pending", State(told, loser));

        // The other goes on waiting, and is let in when a person prefers it.
        await relay.Outside.Control.RunAsync("revoke", winner.Fingerprint);
        await winner.WaitForAsync(HandmadeSender.Denied);
        await relay.Outside.Control.RunAsync("approve", loser.Fingerprint);
        await loser.WaitForAsync(HandmadeSender.Approved);
    }

    [Theory]
    [InlineData("tls", "relay_waiting", "has let another sender in")]
    [InlineData("classic", "relay_disconnected", "closed the connection")]
    public async Task Who_waits_when_another_one_is_let_in_is_told_by_its_own_daemon(
        string protocol,
        string kind,
        string words
    )
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync(protocol);
        await relay.StartSenderAsync(protocol);
        var loser = (await relay.WaitForSenderAsync("pending")).GetProperty("address").GetString();
        using var winner = protocol == "tls" ? await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers) : null;
        using var classic = relay.Inside.Open(SocketType.Stream);
        if (winner is null)
        {
            await classic.ConnectAsync(relay.Receivers, TestContext.Current.CancellationToken);
        }

        var other = await WaitFor.AnswerAsync(relay.SendersAsync, s => s.Length == 2, "two senders that wait");
        await relay.Outside.Control.RunAsync(
            "approve",
            other.Select(s => s.GetProperty("address").GetString()!).Single(address => address != loser)
        );

        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Inside, RelayLab.Sender),
            s =>
                s.GetProperty("state").GetString() == "pending"
                && s.GetProperty("problem").GetString()!.Contains(words, StringComparison.Ordinal),
            "the other to be told"
        );
        var events = (await relay.Inside.Control.RunAsync("events")).Json.GetProperty("events").EnumerateArray();
        Assert.Single(events, e => e.GetProperty("kind").GetString() == kind);
    }

    [Fact]
    public async Task Strangers_fill_neither_the_list_nor_the_places_of_an_address_and_disturb_nobody_who_is_approved()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, [1], TimeSpan.FromSeconds(15)));
        var strangers = new List<HandmadeSender>();
        try
        {
            var local = new IPEndPoint(IPAddress.Loopback, RelayLab.TcpPort);
            for (var address = 2; address < 8; address++)
            {
                for (var i = 0; i < 5; i++)
                {
                    strangers.Add(
                        await HandmadeSender.ConnectAsync(relay.Outside, local, IPAddress.Parse($"127.0.0.{address}"))
                    );
                    if (i == 4 || strangers.Count > 20)
                    {
                        var (_, denial) = await strangers[^1].WaitForAsync(HandmadeSender.Denied);
                        Assert.Equal(4, denial[0]);
                    }
                }
            }

            var waiting = (await relay.SendersAsync())
                .Where(s => s.GetProperty("state").GetString() == "pending")
                .ToList();
            Assert.Equal(16, waiting.Count);
            Assert.All(waiting.CountBy(s => s.GetProperty("address").GetString()!.Split(':')[0]), byAddress =>
                Assert.Equal(4, byAddress.Value)
            );
            Assert.Equal(
                14,
                RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "pending_limit")
            );
            await relay.Outside.Control.WaitForEventAsync("limit_reached");
            Assert.True(await RelayLab.EchoesAsync(client, [2], TimeSpan.FromSeconds(15)));

            // Its key is remembered, so it needs no place among strangers.
            await relay.Inside.Daemon.KillAsync();
            await relay.Inside.Daemon.StartAsync();
            Assert.True(await RelayLab.EchoesAsync(client, [3], TimeSpan.FromSeconds(15)));
        }
        finally
        {
            strangers.ForEach(s => s.Dispose());
        }
    }

    private static string? State(System.Text.Json.JsonElement[] senders, HandmadeSender sender) =>
        senders
            .Single(s => s.GetProperty("fingerprint").GetString() == sender.Fingerprint)
            .GetProperty("state")
            .GetString();
}
