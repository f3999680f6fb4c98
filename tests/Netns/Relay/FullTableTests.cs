// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>A relay with as many flows as it may have, for a service that answers everybody.</summary>
public sealed class FullTableTests
{
    private const int MaxFlows = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task One_address_that_fills_it_and_keeps_it_full_keeps_nobody_out(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol, "--max-flows", $"{MaxFlows}");
        using var first = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(first, [0], Patience));
        var address = IPAddress.Parse("127.0.0.9");
        var attacker = Enumerable.Range(0, 2 * MaxFlows).Select(_ => relay.OpenClient(address)).ToList();
        using var stop = new CancellationTokenSource();
        var attack = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    foreach (var socket in attacker)
                    {
                        await socket.SendAsync(new byte[] { 1 });
                        await Task.Delay(1);
                    }
                }
            },
            CancellationToken.None
        );
        try
        {
            await WaitFor.AnswerAsync(
                () => RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver),
                s => s.GetProperty("counters").GetProperty("flowsOpened").GetInt32() > 2 * MaxFlows,
                "a table that is full"
            );

            // Each question from a port of its own, as resolvers send; one that is lost is lost.
            for (var i = 0; i < 50; i++)
            {
                using var client = relay.OpenClient(IPAddress.Parse($"127.0.1.{i + 1}"));
                Assert.True(await AnswersAsync(client, i), $"question {i}");
            }

            Assert.True(await AnswersAsync(first, 100), "the client of before");
        }
        finally
        {
            await stop.CancelAsync();
            await attack;
            attacker.ForEach(s => s.Dispose());
        }

        foreach (var (host, name) in new[] { (relay.Outside, RelayLab.Receiver), (relay.Inside, RelayLab.Sender) })
        {
            var status = await RelayLab.StatusAsync(host, name);
            Assert.InRange(status.GetProperty("counters").GetProperty("flows").GetInt32(), 1, MaxFlows);
        }
    }

    [Fact]
    public async Task Questions_of_one_address_each_from_a_port_of_its_own_are_all_answered()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync("tls", "--max-flows", $"{MaxFlows}");
        using var first = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(first, [0], Patience));
        for (var i = 0; i < 5 * MaxFlows; i++)
        {
            using var client = relay.OpenClient();
            Assert.True(await AnswersAsync(client, i), $"question {i}");
        }

        var status = await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver);
        Assert.Equal(0, RelayLab.Drops(status, "flow_limit"));
    }

    private static async Task<bool> AnswersAsync(Socket client, int question)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        var (datagram, answer) = (BitConverter.GetBytes(question), new byte[100]);
        await client.SendAsync(datagram, limit.Token);
        try
        {
            return await client.ReceiveAsync(answer, limit.Token) == datagram.Length
                && answer.AsSpan(0, datagram.Length).SequenceEqual(datagram);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
