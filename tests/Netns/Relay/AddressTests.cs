// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>A receiver on a host with several addresses.</summary>
public sealed class AddressTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task An_answer_comes_from_the_address_that_the_client_asked(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Namespace.IpAsync(
            $"addr add 192.0.2.77/24 dev {Lab.Link}\naddr add 2001:db8::77/64 dev {Lab.Link} nodad\naddr add 2001:db8::1:1/128 dev lo nodad\n"
        );
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol);

        // A connected socket takes datagrams from the address alone that it was connected to.
        foreach (
            var (own, asked) in new[]
            {
                ("192.0.2.1", "192.0.2.77"),
                ("192.0.2.77", "192.0.2.1"),
                ("2001:db8::1:1", "2001:db8::77"),
                ("2001:db8::77", "2001:db8::1"),
            }
        )
        {
            var source = IPAddress.Parse(own);
            using var client = relay.Outside.Open(SocketType.Dgram, source.AddressFamily);
            client.Bind(new IPEndPoint(source, 0));
            client.Connect(new IPEndPoint(IPAddress.Parse(asked), RelayLab.UdpPort));
            Assert.True(await RelayLab.EchoesAsync(client, [1, 2, 3], Patience), $"{own} asked {asked}");
            Assert.True(
                await RelayLab.EchoesAsync(client, new byte[20_000], Patience),
                $"{own} asked {asked} at length"
            );
        }
    }

    [Fact]
    public async Task A_client_that_asks_two_addresses_from_one_port_is_answered_from_the_one_it_asked_last()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Namespace.IpAsync($"addr add 192.0.2.77/24 dev {Lab.Link}");
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.Outside.Open(SocketType.Dgram);
        client.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var patience = new CancellationTokenSource(Patience);
        using var first = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(first, [0], Patience));

        foreach (var asked in new[] { "127.0.0.1", "127.0.0.9", "127.0.0.1" })
        {
            var address = new IPEndPoint(IPAddress.Parse(asked), RelayLab.UdpPort);
            await client.SendToAsync(new byte[] { 1 }, address, patience.Token);
            var got = await client.ReceiveFromAsync(new byte[100], new IPEndPoint(IPAddress.Any, 0), patience.Token);
            Assert.Equal(address, got.RemoteEndPoint);
        }
    }
}
