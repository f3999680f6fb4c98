// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>The original Go program at the other end.</summary>
public sealed class OriginalTests
{
    private static readonly byte[] Datagram = "<&> and other bytes \0\x7f"u8.ToArray();

    [Fact]
    public async Task The_original_sender_works_with_our_receiver()
    {
        var original = Original();
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync("classic");
        relay.Inside.Namespace.Start(
            "mcudpt",
            original,
            "-mode",
            "sender",
            "-tcp",
            $"{relay.Outside.Address}:{RelayLab.TcpPort}",
            "-udp",
            $"127.0.0.1:{RelayLab.ServicePort}"
        );

        await relay.ApproveAsync();

        using var client = relay.OpenClient();
        await CarriesAsync(client);
    }

    [Fact]
    public async Task The_original_receiver_works_with_our_sender()
    {
        var original = Original();
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        var receiver = relay.Outside.Namespace.Start(
            "mcudpt",
            "bash",
            "-c",
            $"echo y | exec {original} -mode receiver -tcp :{RelayLab.TcpPort} -udp :{RelayLab.UdpPort}"
        );
        await relay.Inside.Daemon.StartAsync();

        await relay.StartSenderAsync("classic");

        await WaitFor.TrueAsync(
            () => receiver.Text.Contains("Successfully accepted", StringComparison.Ordinal),
            "the original to accept"
        );
        using var client = relay.OpenClient();
        await CarriesAsync(client);
    }

    [Fact]
    public async Task The_original_sender_ends_when_another_one_is_let_in_while_it_waits()
    {
        var original = Original();
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync("classic");
        var loser = relay.Inside.Namespace.Start(
            "mcudpt",
            original,
            "-mode",
            "sender",
            "-tcp",
            $"{relay.Outside.Address}:{RelayLab.TcpPort}",
            "-udp",
            $"127.0.0.1:{RelayLab.ServicePort}"
        );
        var address = (await relay.WaitForSenderAsync("pending")).GetProperty("address").GetString();
        await relay.StartSenderAsync("classic");
        var senders = await WaitFor.AnswerAsync(relay.SendersAsync, s => s.Length == 2, "two senders that wait");

        await relay.Outside.Control.RunAsync(
            "approve",
            senders.Select(s => s.GetProperty("address").GetString()!).Single(other => other != address)
        );

        await WaitFor.TrueAsync(() => !loser.IsRunning, "the original to end");
        Assert.Contains("EOF", loser.Text, StringComparison.Ordinal);
    }

    private static async Task CarriesAsync(System.Net.Sockets.Socket client)
    {
        var largest = new byte[65_507];
        Random.Shared.NextBytes(largest);
        foreach (var datagram in new[] { Datagram, [], largest })
        {
            Assert.True(
                await RelayLab.EchoesAsync(client, datagram, TimeSpan.FromSeconds(15)),
                $"a datagram of {datagram.Length} bytes"
            );
        }
    }

    private static string Original()
    {
        var path = Environment.GetEnvironmentVariable("UDPTUNNEL_MCUDPT");
        Assert.SkipWhen(string.IsNullOrEmpty(path), "needs the original mcudpt: set UDPTUNNEL_MCUDPT to its path");
        return path!;
    }
}
