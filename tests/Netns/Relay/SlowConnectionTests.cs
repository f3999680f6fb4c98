// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>The sender's uplink is slower than its service.</summary>
public sealed class SlowConnectionTests
{
    private const int StreamedDatagram = 1200;
    private const int StreamSeconds = 8;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_flow_that_fills_it_delays_itself_and_what_is_lost_is_counted()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Inside.Namespace.RunAsync([
            "tc",
            "qdisc",
            "add",
            "dev",
            Harness.Lab.Link,
            "root",
            "tbf",
            "rate",
            "4mbit",
            "burst",
            "16k",
            "latency",
            "100ms",
        ]);
        using var socket = relay.Inside.Open(SocketType.Dgram);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, RelayLab.ServicePort));
        using var stop = new CancellationTokenSource();
        var sent = 0L;
        var service = Task.Run(
            () => ServeAsync(socket, () => Interlocked.Increment(ref sent), stop.Token),
            TestContext.Current.CancellationToken
        );
        await relay.StartApprovedAsync();
        using var asker = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(asker, [1], Patience));
        using var viewer = relay.OpenClient();
        viewer.ReceiveBufferSize = 4 << 20;
        await viewer.SendAsync(new[] { (byte)'S' });

        var times = await AskAsync(asker, TimeSpan.FromSeconds(StreamSeconds - 1));

        // The link's own queue is 100 ms; plain UDP needs as much.
        Assert.InRange(times.Order().ElementAt(times.Count / 2), 0, 400);
        await Task.Delay(TimeSpan.FromSeconds(2), CancellationToken.None);
        await stop.CancelAsync();
        await service;
        var status = await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender);
        var counters = status.GetProperty("counters");
        var dropped = RelayLab.Drops(status, "queue_full") + RelayLab.Drops(status, "buffer_full");
        Assert.True(dropped > 0, status.ToString());
        Assert.Equal(Interlocked.Read(ref sent), counters.GetProperty("packetsToClients").GetInt64() + dropped);
        Assert.Equal(1, counters.GetProperty("connections").GetInt32());
    }

    /// <summary>Round trips in milliseconds; one that was lost took forever.</summary>
    private static async Task<List<double>> AskAsync(Socket client, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        var times = new List<double>();
        var answer = new byte[100];
        for (var question = 0; clock.Elapsed < time; question++)
        {
            var asked = clock.Elapsed;
            using var turn = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await client.SendAsync(BitConverter.GetBytes(question), turn.Token);
            try
            {
                while (
                    await client.ReceiveAsync(answer, turn.Token) != sizeof(int)
                    || BitConverter.ToInt32(answer) != question
                )
                {
                    // Of a former question.
                }

                times.Add((clock.Elapsed - asked).TotalMilliseconds);
            }
            catch (OperationCanceledException)
            {
                times.Add(double.MaxValue);
            }

            await Task.Delay(50);
        }

        return times;
    }

    /// <summary>Sends each datagram back; to one that begins with S, 6 Mbit/s.</summary>
    private static async Task ServeAsync(Socket socket, Action sent, CancellationToken stop)
    {
        var buffer = new byte[2048];
        var streams = new List<Task>();
        try
        {
            while (true)
            {
                var got = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), stop);
                if (buffer[0] == 'S' && got.ReceivedBytes == 1)
                {
                    streams.Add(Task.Run(() => StreamAsync(socket, got.RemoteEndPoint, sent), stop));
                }
                else
                {
                    await socket.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), got.RemoteEndPoint, stop);
                    sent();
                }
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(streams);
        }
    }

    private static async Task StreamAsync(Socket socket, EndPoint viewer, Action sent)
    {
        const double PerSecond = 6e6 / 8 / StreamedDatagram;
        var clock = Stopwatch.StartNew();
        var count = 0;
        while (clock.Elapsed < TimeSpan.FromSeconds(StreamSeconds))
        {
            for (; count < clock.Elapsed.TotalSeconds * PerSecond; count++)
            {
                await socket.SendToAsync(new byte[StreamedDatagram], viewer);
                sent();
            }

            await Task.Delay(5);
        }
    }
}
