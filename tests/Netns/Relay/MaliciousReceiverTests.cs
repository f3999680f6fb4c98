// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// A receiver that does not keep to the rules cannot make the sender send anywhere but to its service.
/// </summary>
public sealed class MaliciousReceiverTests
{
    private static readonly byte[] Datagram = "for somebody else"u8.ToArray();

    [Fact]
    public async Task Whatever_address_it_names_only_the_service_is_sent_to()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var service = new EchoService(relay.Inside.Open(SocketType.Dgram), RelayLab.ServicePort, answers: _ =>
            false
        );
        using var victim = relay.Inside.Open(SocketType.Dgram);
        victim.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var receiver = relay.Outside.Open(SocketType.Stream);
        receiver.Bind(new IPEndPoint(IPAddress.Any, RelayLab.TcpPort));
        receiver.Listen();
        await relay.Inside.Daemon.StartAsync();
        await relay.StartSenderAsync("classic");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var sender = await receiver.AcceptAsync(patience.Token);
        using var stream = new NetworkStream(sender);
        var before = await RelayLab.SentDatagramsAsync(relay.Inside);

        string[] hosts =
        [
            victim.LocalEndPoint!.ToString()!,
            "127.0.0.1:22",
            "192.0.2.1:53",
            "255.255.255.255:53",
            "224.0.0.1:5353",
            "localhost:53",
            "[::1]:53",
            "not an address",
            "",
            ":",
            "\0",
            "é:1",
        ];
        foreach (var host in hosts)
        {
            await stream.WriteAsync(HandmadeMessage.Of(host, Datagram), patience.Token);
        }

        await WaitFor.TrueAsync(() => service.Received >= hosts.Length, "all of it to come to the service");
        Assert.Equal(before + hosts.Length, await RelayLab.SentDatagramsAsync(relay.Inside));
        Assert.Equal(hosts.Length, service.Received);
        Assert.Equal(0, victim.Available);
    }
}
