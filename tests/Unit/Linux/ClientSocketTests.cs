// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>Real sockets on the loopback, all of whose addresses belong to this host.</summary>
public sealed unsafe class ClientSocketTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(null, "127.0.0.9")]
    [InlineData("0.0.0.0", "127.0.0.9")]
    [InlineData(null, "::1")]
    public void A_wildcard_socket_knows_the_address_that_was_asked_and_answers_from_it(string? bound, string asked)
    {
        using var socket = Bind(bound, out var port);
        using var client = Connect(asked, port);
        using var batch = new ReceiveBatch();
        using var queue = new DatagramQueue(socket.IsV6);
        client.Send([1, 2, 3]);
        Receive(socket, batch);
        var local = batch.Local(0);
        var answers = new byte[2500];
        Random.Shared.NextBytes(answers);

        // One datagram, and then a run of three.
        fixed (byte* start = answers)
        {
            queue.Add(start, 100, batch.Source(0), local);
            Assert.Equal(1, queue.Send(socket.Descriptor).Sent);
            queue.Add(start, 1000, batch.Source(0), local);
            queue.Add(start + 1000, 1000, batch.Source(0), local);
            queue.Add(start + 2000, 500, batch.Source(0), local);
            Assert.Equal(3, queue.Send(socket.Descriptor).Sent);
        }

        Assert.False(local.IsNone);
        Assert.Equal(answers[..100], Receive(client));
        Assert.Equal(answers[..1000], Receive(client));
        Assert.Equal(answers[1000..2000], Receive(client));
        Assert.Equal(answers[2000..], Receive(client));
    }

    [Fact]
    public void A_socket_of_one_address_leaves_the_choice_to_the_kernel()
    {
        using var socket = Bind("127.0.0.9", out var port);
        using var client = Connect("127.0.0.9", port);
        using var batch = new ReceiveBatch();
        client.Send([1]);
        Receive(socket, batch);

        Assert.True(batch.Local(0).IsNone);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("0.0.0.0")]
    public void An_answer_from_an_address_that_is_the_host_s_no_more_goes_out_from_another(string? bound)
    {
        using var socket = Bind(bound, out var port);
        using var client = Connect("127.0.0.1", port);
        using var batch = new ReceiveBatch();
        using var queue = new DatagramQueue(socket.IsV6);
        client.Send([1]);
        Receive(socket, batch);
        var gone = stackalloc byte[] { 192, 0, 2, 200 };
        var answer = stackalloc byte[] { 42 };

        queue.Add(answer, 1, batch.Source(0), SourceAddress.ReadV4(gone));
        var result = queue.Send(socket.Descriptor);

        Assert.Equal((1, 0), (result.Sent, result.Failed));
        Assert.Equal([42], Receive(client));
    }

    private static ClientSocket Bind(string? address, out int port)
    {
        // A free port, for that socket is bound to one that is given.
        using var free = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp)
        {
            DualMode = true,
        };
        free.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        port = ((IPEndPoint)free.LocalEndPoint!).Port;
        free.Dispose();
        return ClientSocket.Bind(address is null ? null : IPAddress.Parse(address), port);
    }

    private static Socket Connect(string address, int port)
    {
        var target = IPAddress.Parse(address);
        var client = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveTimeout = (int)Patience.TotalMilliseconds,
        };
        client.Bind(
            new IPEndPoint(
                target.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback,
                0
            )
        );
        client.Connect(target, port);
        return client;
    }

    private static void Receive(ClientSocket socket, ReceiveBatch batch) =>
        Assert.True(SpinWait.SpinUntil(() => socket.TryReceive(batch), Patience));

    private static byte[] Receive(Socket client)
    {
        var buffer = new byte[2048];
        return buffer[..client.Receive(buffer)];
    }
}
