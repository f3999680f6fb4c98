// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Linux;

/// <summary>The outer socket over the loopback.</summary>
public sealed unsafe class UdpSocketTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_batch_arrives_whole_and_in_order(bool offload) => Randomised.Check(30, random =>
        {
            using var sender = UdpSocket.Bind(0, offload);
            using var receiver = UdpSocket.Bind(0, offload);
            Assert.Equal(offload, sender.Segments);

            var sent = SendAndAssert(random, sender, receiver);

            PacketLists.AssertSame(sent, Receive(receiver, sent.Count, sender.LocalPort));
            Assert.Equal(offload, sender.Segments);
        });

    /// <remarks>
    /// The kernel refuses a segment above the path's MTU, while it cuts a datagram alone into fragments.
    /// </remarks>
    [Fact]
    public void Runs_that_the_kernel_refuses_go_one_by_one_and_nothing_is_lost() =>
        NetworkNamespaceThread.Run(loopbackMtu: 1400, () => Randomised.Check(20, random =>
            {
                using var sender = UdpSocket.Bind(0, offload: true);
                using var receiver = UdpSocket.Bind(0, offload: true);
                using var batch = new SendBatch(16);
                using var memory = new GuardedMemory(100_000);
                List<byte[]> expected = [];
                var at = memory.Start;

                // Runs that fit, then some that do not, then some that fit again.
                foreach (var size in (int[])[500, 500, 500, 1500, 1500, 1500, 1500, 100, 100, 3000, 3000])
                {
                    Add(batch, ref at, random.Bytes(size), expected);
                }

                var result = sender.Send(
                    batch,
                    [sender.ToEndpoint(new IPEndPoint(IPAddress.Loopback, receiver.LocalPort))]
                );

                Assert.Equal((expected.Count, 0, 0), (result.Sent, result.TooBig, result.Failed));
                Assert.Equal(expected.Sum(d => d.Length), result.SentBytes);
                PacketLists.AssertSame(expected, Receive(receiver, expected.Count, sender.LocalPort));
                Assert.False(sender.Segments);
            }));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void An_error_that_is_kept_says_where_nobody_is_and_is_forgotten_when_nobody_asks(string address) =>
        NetworkNamespaceThread.Run(65_536, () =>
        {
            using var sender = UdpSocket.Bind(0, offload: true);
            using var closed = UdpSocket.Bind(0, offload: true);
            var nobody = sender.ToEndpoint(new IPEndPoint(IPAddress.Parse(address), closed.LocalPort));
            closed.Dispose();
            byte datagram = 1;
            _ = sender.Send(&datagram, 1, nobody);
            Assert.False(sender.TakeError(out _, out _));

            sender.KeepErrors(true);
            _ = sender.Send(&datagram, 1, nobody);
            Assert.True(sender.TakeError(out var endpoint, out var isPortUnreachable));
            Assert.Equal(nobody, endpoint);
            Assert.True(isPortUnreachable);
            Assert.False(sender.TakeError(out _, out _));

            _ = sender.Send(&datagram, 1, nobody);
            _ = sender.Send(&datagram, 1, nobody);
            sender.KeepErrors(false);
            Assert.False(sender.TakeError(out _, out _));
        });

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Bits_of_congestion_notification_cross_with_each_datagram_beside_the_code_point(string address) =>
        NetworkNamespaceThread.Run(65_536, () =>
        {
            using var sender = UdpSocket.Bind(0, offload: true, dscp: 46);
            using var receiver = UdpSocket.Bind(0, offload: true, tellsLocal: true);
            using var messages = new ReceiveBatch();
            using var batch = new SendBatch(16);
            using var memory = new GuardedMemory(10_000);
            foreach (var bits in (byte[])[0, 2, 1, 3, 0])
            {
                var at = memory.Start;
                batch.Clear();
                for (var i = 0; i < 3; i++)
                {
                    Add(batch, ref at, new byte[100], []);
                }

                sender.SetCongestionBits(bits);
                Endpoint[] to = [sender.ToEndpoint(new IPEndPoint(IPAddress.Parse(address), receiver.LocalPort))];
                Assert.Equal(3, sender.Send(batch, to).Sent);

                var datagrams = 0;
                while (datagrams < 3)
                {
                    if (!receiver.Receive(messages))
                    {
                        continue;
                    }

                    for (var i = 0; i < messages.Count; i++)
                    {
                        Assert.False(messages.IsTruncated(i));
                        Assert.Equal(bits, messages.CongestionBits(i));
                        Assert.False(messages.Local(i).IsNone);
                        datagrams += messages.Length(i) / messages.DatagramSize(i);
                    }
                }
            }
        });

    [Fact]
    public void A_socket_is_bound_to_the_address_and_the_device_that_are_named()
    {
        using var bound = UdpSocket.Bind(0, offload: true, address: IPAddress.Loopback, device: "lo");
        using var other = UdpSocket.Bind(bound.LocalPort, offload: true, address: IPAddress.Parse("127.0.0.2"));
        using var v6 = UdpSocket.Bind(0, offload: true, address: IPAddress.IPv6Loopback);

        Assert.Equal(bound.LocalPort, other.LocalPort);
        Assert.Equal(
            Errno.AddressNotAvailable,
            Assert
                .Throws<LinuxException>(() => UdpSocket.Bind(0, offload: true, address: IPAddress.Parse("192.0.2.250")))
                .Errno
        );
        Assert.Equal(
            Errno.NoDevice,
            Assert.Throws<LinuxException>(() => UdpSocket.Bind(0, offload: true, device: "nosuch0")).Errno
        );
    }

    [Fact]
    public void What_the_network_refuses_is_counted_and_ends_nothing() =>
        NetworkNamespaceThread.Run(loopbackMtu: 1400, () =>
        {
            using var sender = UdpSocket.Bind(0, offload: true);
            using var batch = new SendBatch(16);
            using var memory = new GuardedMemory(10_000);
            var at = memory.Start;
            foreach (var size in (int[])[100, 100, 1000])
            {
                Add(batch, ref at, new byte[size], []);
            }

            // A network of its own has no route to anywhere.
            var result = sender.Send(batch, [sender.ToEndpoint(IPEndPoint.Parse("192.0.2.1:9"))]);

            Assert.Equal((0, 0L, 3), (result.Sent, result.SentBytes, result.Failed + result.TooBig));
            Assert.False(sender.Send(memory.Start, 100, sender.ToEndpoint(IPEndPoint.Parse("192.0.2.1:9"))));
        });

    [Fact]
    public void One_batch_goes_to_many_sockets_each_run_to_its_own()
    {
        using var sender = UdpSocket.Bind(0, offload: true);
        UdpSocket[] receivers = [.. Enumerable.Range(0, 5).Select(_ => UdpSocket.Bind(0, offload: true))];
        using var batch = new SendBatch(16);
        using var memory = new GuardedMemory(100_000);
        List<byte[]>[] expected =
        [
            [],
            [],
            [],
            [],
            [],
        ];
        var at = memory.Start;
        for (var i = 0; i < 40; i++)
        {
            batch.Destination = i / 3 % receivers.Length;
            Add(batch, ref at, [(byte)i, .. new byte[500]], expected[batch.Destination]);
        }

        var result = sender.Send(
            batch,
            [.. receivers.Select(r => sender.ToEndpoint(new IPEndPoint(IPAddress.Loopback, r.LocalPort)))]
        );

        Assert.Equal(40, result.Sent);
        Assert.True(batch.RunCount < 20, "each datagram went by itself");
        for (var i = 0; i < receivers.Length; i++)
        {
            PacketLists.AssertSame(expected[i], Receive(receivers[i], expected[i].Count, sender.LocalPort));
            receivers[i].Dispose();
        }
    }

    [Fact]
    public void An_address_that_is_the_host_s_no_more_is_forgotten_for_its_destination_alone()
    {
        using var sender = UdpSocket.Bind(0, offload: true);
        using var first = UdpSocket.Bind(0, offload: true);
        using var second = UdpSocket.Bind(0, offload: true);
        using var batch = new SendBatch(16);
        using var memory = new GuardedMemory(1000);
        var gone = stackalloc byte[] { 192, 0, 2, 200 };
        var own = stackalloc byte[] { 127, 0, 0, 9 };
        var at = memory.Start;
        for (var i = 0; i < 4; i++)
        {
            batch.Destination = i % 2;
            Add(batch, ref at, [(byte)i, 1, 2], []);
        }

        SourceAddress[] sources = [SourceAddress.ReadV4(gone), SourceAddress.ReadV4(own)];
        UdpSocket[] receivers = [first, second];
        var result = sender.Send(
            batch,
            [.. receivers.Select(r => sender.ToEndpoint(new IPEndPoint(IPAddress.Loopback, r.LocalPort)))],
            sources
        );

        Assert.Equal((4, 0), (result.Sent, result.Failed));
        Assert.Equal([default, SourceAddress.ReadV4(own)], sources);
        Assert.Equal(
            [
                [0, 1, 2],
                [2, 1, 2],
            ],
            Receive(first, 2, sender.LocalPort)
        );
        Assert.Equal(
            [
                [1, 1, 2],
                [3, 1, 2],
            ],
            Receive(second, 2, sender.LocalPort)
        );
    }

    /// <remarks>
    /// Datagrams to a neighbour that does not answer stay in the sender's buffer until its address resolution fails,
    /// after 3 s.
    /// </remarks>
    [Fact]
    public void A_full_send_buffer_is_counted_and_never_waited_for() =>
        NetworkNamespaceThread.Run(loopbackMtu: 1400, () =>
        {
            Ip("link add near type veth peer name far");
            Ip("addr add 192.0.2.1/24 dev near");
            Ip("link set near up");
            Ip("link set far up");
            using var sender = UdpSocket.Bind(0, offload: true);
            using var batch = new SendBatch(16);
            using var memory = new GuardedMemory(1300);
            BoundSocket.SetSendBuffer(sender.Descriptor, 8192);
            for (var i = 0; i < 200; i++)
            {
                Assert.True(batch.AddDatagram(memory.Start, 200 + i, 200 + i));
            }

            var silent = sender.ToEndpoint(IPEndPoint.Parse("192.0.2.9:9"));
            var clock = Stopwatch.StartNew();
            var result = sender.Send(batch, [silent]);
            var single = sender.Send(memory.Start, 100, silent);

            Assert.True(clock.ElapsedMilliseconds < 1000, $"{clock.ElapsedMilliseconds} ms");
            Assert.Equal((200, 0, 0), (result.Sent + result.BufferFull, result.Failed, result.TooBig));
            Assert.True(result is { Sent: > 0, BufferFull: > 0 }, $"{result.Sent} sent");
            Assert.False(single);

            static void Ip(string arguments)
            {
                using var process = Process.Start("ip", arguments);
                process.WaitForExit();
                Assert.Equal(0, process.ExitCode);
            }
        });

    [Fact]
    public void Both_families_reach_one_socket()
    {
        using var receiver = UdpSocket.Bind(0, offload: true);
        using var sender = UdpSocket.Bind(0, offload: true);
        var datagram = stackalloc byte[3];

        Assert.True(
            sender.Send(datagram, 3, sender.ToEndpoint(new IPEndPoint(IPAddress.Loopback, receiver.LocalPort)))
        );
        Assert.Equal([3], Receive(receiver, 1, sender.LocalPort).Select(d => d.Length));
        Assert.True(
            sender.Send(datagram, 2, sender.ToEndpoint(new IPEndPoint(IPAddress.IPv6Loopback, receiver.LocalPort)))
        );
        Assert.Equal([2], Receive(receiver, 1, sender.LocalPort).Select(d => d.Length));
    }

    [Fact]
    public void A_port_that_is_taken_is_told()
    {
        using var first = UdpSocket.Bind(0, offload: true);

        Assert.Equal(
            Errno.AddressInUse,
            Assert.Throws<LinuxException>(() => UdpSocket.Bind(first.LocalPort, offload: true)).Errno
        );
    }

    [Fact]
    public void Receiving_does_not_wait()
    {
        using var socket = UdpSocket.Bind(0, offload: true);
        using var batch = new ReceiveBatch();

        Assert.False(socket.Receive(batch));
        Assert.Equal(0, batch.Count);
    }

    private static List<byte[]> SendAndAssert(Random random, UdpSocket sender, UdpSocket receiver)
    {
        using var batch = new SendBatch(16);
        using var memory = new GuardedMemory(400_000);
        List<byte[]> datagrams = [];
        var at = memory.Start;
        while (datagrams.Count < 200 && datagrams.Sum(d => d.Length) < 300_000)
        {
            var size = random.OneOf(16, 100, 1316, 1316, 1400, 1 + random.Next(9000));
            for (var i = random.Next(1, 80); i > 0 && datagrams.Sum(d => d.Length) + size < 390_000; i--)
            {
                Add(batch, ref at, random.Bytes(size), datagrams);
            }
        }

        var result = sender.Send(batch, [sender.ToEndpoint(new IPEndPoint(IPAddress.Loopback, receiver.LocalPort))]);

        Assert.Equal((datagrams.Count, 0, 0), (result.Sent, result.TooBig, result.Failed));
        Assert.Equal(datagrams.Sum(d => d.Length), result.SentBytes);
        return datagrams;
    }

    private static void Add(SendBatch batch, ref byte* at, byte[] datagram, List<byte[]> all)
    {
        datagram.CopyTo(new Span<byte>(at, datagram.Length));
        Assert.True(batch.AddDatagram(at, datagram.Length, datagram.Length));
        at += datagram.Length;
        all.Add(datagram);
    }

    private static List<byte[]> Receive(UdpSocket socket, int count, int fromPort)
    {
        using var batch = new ReceiveBatch();
        List<byte[]> datagrams = [];

        while (datagrams.Count < count)
        {
            Assert.True(SpinWait.SpinUntil(() => socket.Receive(batch), TimeSpan.FromSeconds(10)));
            for (var i = 0; i < batch.Count; i++)
            {
                Assert.NotEqual(0, batch.Length(i));
                Assert.Equal(fromPort, batch.Source(i).ToIPEndPoint().Port);
                Assert.False(batch.IsTruncated(i));
                datagrams.AddRange(
                    new ReadOnlySpan<byte>(batch.Start(i), batch.Length(i)).ToArray().Chunk(batch.DatagramSize(i))
                );
            }
        }

        return datagrams;
    }
}
