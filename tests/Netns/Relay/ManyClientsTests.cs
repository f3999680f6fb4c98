// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Many clients at the same time.</summary>
public sealed class ManyClientsTests
{
    private const int Clients = 1000;
    private const int Questions = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task A_thousand_clients_at_once_get_their_own_answers_and_nobody_else_s(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol);
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "running");
        var clients = Enumerable
            .Range(0, Clients)
            .Select(i => relay.OpenClient(IPAddress.Parse($"127.0.0.{1 + (i % 20)}")))
            .ToList();
        try
        {
            await Task.WhenAll(clients.Select((client, i) => Task.Run(() => AskAsync(client, i))));
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }

        var status = await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender);
        Assert.Equal(Clients, status.GetProperty("counters").GetProperty("flows").GetInt32());
    }

    /// <summary>
    /// Asks one question after the other, each of which holds its asker's number; an answer to a former one may come
    /// late.
    /// </summary>
    private static async Task AskAsync(Socket client, int number)
    {
        var answer = new byte[2048];
        for (var question = 0; question < Questions; question++)
        {
            var datagram = RandomNumberGenerator.GetBytes(8 + RandomNumberGenerator.GetInt32(1400));
            BinaryPrimitives.WriteInt32BigEndian(datagram, number);
            BinaryPrimitives.WriteInt32BigEndian(datagram.AsSpan(4), question);
            var isAnswered = false;
            for (var attempt = 0; !isAnswered; attempt++)
            {
                Assert.True(attempt < 10, $"client {number} got no answer to question {question}");
                using var turn = new CancellationTokenSource(Patience);
                await client.SendAsync(datagram, turn.Token);
                try
                {
                    while (!isAnswered)
                    {
                        var length = await client.ReceiveAsync(answer, turn.Token);
                        Assert.True(length >= 8, $"client {number} got {length} bytes");
                        Assert.Equal(number, BinaryPrimitives.ReadInt32BigEndian(answer));
                        isAnswered = BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(4)) == question;
                        Assert.True(
                            !isAnswered || answer.AsSpan(0, length).SequenceEqual(datagram),
                            $"client {number} got other bytes"
                        );
                    }
                }
                catch (OperationCanceledException)
                {
                    // Lost, as datagrams may be.
                }
            }
        }
    }
}
