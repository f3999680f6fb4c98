// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Text;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// An approved sender that does not keep to the rules cannot make the receiver send anywhere but to its clients.
/// </summary>
public sealed class MaliciousSenderTests
{
    private static readonly byte[] Datagram = "for somebody else"u8.ToArray();

    [Fact]
    public async Task Numbers_of_flows_that_are_not_live_reach_nobody()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        using var sender = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        await relay.ApproveAsync();
        await sender.WaitForAsync(HandmadeSender.Approved);
        using var client = relay.OpenClient();
        await client.SendAsync("question"u8.ToArray());
        var (flow, question) = await sender.WaitForAsync(HandmadeSender.Datagram);
        Assert.Equal("question"u8.ToArray(), question);
        var before = await RelayLab.SentDatagramsAsync(relay.Outside);

        uint[] others =
        [
            .. Enumerable
                .Range(0, 200)
                .Select(i => unchecked((uint)(i * 0x0101_0101)))
                .Where(id => id != flow && id != 0),
        ];
        foreach (var id in others)
        {
            await sender.WriteAsync(HandmadeSender.Frame(HandmadeSender.Datagram, id, Datagram));
        }

        await sender.WriteAsync(HandmadeSender.Frame(HandmadeSender.Datagram, flow, "answer"u8.ToArray()));

        Assert.Equal("answer", await ReceiveAsync(client));
        Assert.Equal(
            others.Length,
            RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "unknown_flow")
        );
        Assert.Equal(before + 1, await RelayLab.SentDatagramsAsync(relay.Outside));
        var (closed, _) = await sender.WaitForAsync(HandmadeSender.FlowClosed);
        Assert.Contains(closed, others);
    }

    [Fact]
    public async Task A_host_that_is_no_client_or_no_address_at_all_reaches_nobody()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync("classic");
        using var sender = relay.Inside.Open(SocketType.Stream);
        await sender.ConnectAsync(relay.Receivers, TestContext.Current.CancellationToken);
        await relay.ApproveAsync();
        using var stream = new NetworkStream(sender);
        using var reader = new StreamReader(stream);
        using var victim = relay.Inside.Open(SocketType.Dgram);
        victim.Bind(new IPEndPoint(IPAddress.Any, 0));
        using var client = relay.OpenClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await client.SendAsync("question"u8.ToArray(), patience.Token);
        var question = await reader.ReadLineAsync(patience.Token);
        Assert.Contains($"\"{client.LocalEndPoint}\"", question, StringComparison.Ordinal);
        var before = await RelayLab.SentDatagramsAsync(relay.Outside);

        string[] others =
        [
            $"192.0.2.2:{((IPEndPoint)victim.LocalEndPoint!).Port}",
            "255.255.255.255:53",
            "224.0.0.1:5353",
            "localhost:53",
            "example.org:53",
            "127.0.0.1:22",
            "[::1]:53",
            "[fe80::1%link0]:53",
            "not an address",
            "",
            ":",
            "192.0.2.1",
            "192.0.2.1:0",
            "192.0.2.1:99999",
            "\0",
            "é:1",
        ];
        foreach (var other in others)
        {
            await stream.WriteAsync(HandmadeMessage.Of(other, Datagram), patience.Token);
        }

        await stream.WriteAsync(
            HandmadeMessage.Of(client.LocalEndPoint!.ToString()!, "answer"u8.ToArray()),
            patience.Token
        );

        Assert.Equal("answer", await ReceiveAsync(client));
        Assert.Equal(
            others.Length,
            RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "unknown_flow")
        );
        Assert.Equal(before + 1, await RelayLab.SentDatagramsAsync(relay.Outside));
        Assert.Equal(0, victim.Available);
    }

    private static async Task<string> ReceiveAsync(Socket client)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[2048];
        var length = await client.ReceiveAsync(buffer, patience.Token);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
