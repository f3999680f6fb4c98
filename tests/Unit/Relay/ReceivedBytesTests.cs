using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

/// <summary>How TLS reads without waiting: it is given whole records.</summary>
public sealed class ReceivedBytesTests
{
    private const int HeaderLength = 5;

    [Fact]
    public void Records_are_given_whole_and_one_at_a_time_however_they_came() => Randomised.Check(200, random =>
    {
        var received = new ReceivedBytes(isTls: true);
        if (random.Chance(50))
        {
            received.Grow();
        }

        var records = Enumerable.Range(0, 20).Select(_ => Record(random, random.Next(random.Chance(20) ? 16_640 : 300))).ToList();
        var bytes = records.SelectMany(r => r).ToArray();
        var came = 0;
        var given = 0;
        foreach (var record in records)
        {
            while (!received.IsReady)
            {
                // One that is there as a whole is given.
                Assert.True(came < given + record.Length);
                var count = Math.Min(random.Next(1, random.Chance(30) ? 100_000 : 500), Math.Min(bytes.Length - came, received.Room.Length));
                bytes.AsSpan(came, count).CopyTo(received.Room);
                received.Add(count);
                came += count;
            }

            var taken = new List<byte>();
            while (taken.Count < record.Length)
            {
                Assert.True(received.IsReady);
                var buffer = new byte[random.Next(1, 20_000)];
                taken.AddRange(buffer.AsSpan(0, received.Take(buffer)));
            }

            Assert.Equal(record, taken);
            given += record.Length;
        }

        Assert.False(received.IsReady);
        Assert.Equal(0, received.Take(new byte[10]));
    });

    [Theory]
    [InlineData(19, 3, 10)]
    [InlineData(25, 3, 10)]
    [InlineData(0x47, 0x45, 10)]
    [InlineData(23, 2, 10)]
    [InlineData(23, 3, 18_433)]
    public void What_is_no_record_is_refused(byte type, byte version, ushort length)
    {
        var received = new ReceivedBytes(isTls: true);
        ((byte[])[type, version, 3, (byte)(length >> 8), (byte)length]).CopyTo(received.Room);
        received.Add(HeaderLength);

        Assert.Throws<IOException>(() => received.IsReady);
    }

    [Fact]
    public void Without_tls_whatever_came_is_given()
    {
        var received = new ReceivedBytes(isTls: false);
        Assert.False(received.IsReady);
        received.Room[0] = 7;
        received.Add(1);

        var buffer = new byte[10];
        Assert.True(received.IsReady);
        Assert.Equal(1, received.Take(buffer));
        Assert.Equal(7, buffer[0]);
        Assert.False(received.IsReady);
    }

    [Fact]
    public async Task Tls_reads_what_has_come_and_never_waits_for_the_rest_of_a_record()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new WakeSignal();
        using var sender = Link(TcpSocket.Connect((IPEndPoint)listener.LocalEndpoint, TimeSpan.FromSeconds(10), stop));
        using var accepted = listener.AcceptSocket();
        using var relayed = new TcpListener(IPAddress.Loopback, 0);
        relayed.Start();
        using var receiver = Link(TcpSocket.Connect((IPEndPoint)relayed.LocalEndpoint, TimeSpan.FromSeconds(10), stop));
        using var other = relayed.AcceptSocket();
        using var between = new Between(accepted, other);
        var handshake = Task.Run(() => sender.Secure(NewIdentity(), isReceiver: false), TestContext.Current.CancellationToken);
        receiver.Secure(NewIdentity(), isReceiver: true);
        await handshake;
        sender.ReceiveAhead();
        receiver.ReceiveAhead();
        var writer = sender.BeginStreaming();
        Assert.Equal(TcpSocket.Nothing, receiver.TryFill());

        // Bytes that come one by one are many looks at an incomplete record.
        between.IsSlow = true;
        var datagram = RandomNumberGenerator.GetBytes(300);
        Assert.True(writer.TryAdd(7, [], datagram));
        writer.Flush();
        var looks = 0;
        while (Next(receiver, out var frame) is false)
        {
            looks++;
            Assert.True(looks < 10_000_000);
        }

        Assert.True(looks > 0);

        // More than a record holds, and more than is received at once.
        between.IsSlow = false;
        for (var i = 0; i < 5; i++)
        {
            Assert.True(writer.TryAdd(7, [], new byte[IRelayCodec.MaxDatagram]));
        }

        var received = 0;
        while (received < 5)
        {
            writer.Flush();
            received += Next(receiver, out var length) ? 1 : 0;
            Assert.True(length is 0 or IRelayCodec.MaxDatagram);
        }

        sender.Shutdown();
        int came;
        while ((came = receiver.TryFill()) == TcpSocket.Nothing)
        {
        }

        Assert.Equal(0, came);
    }

    private static bool Next(RelayLink link, out int length)
    {
        var status = link.Reader.Next(out var frame);
        if (status == FrameStatus.Incomplete)
        {
            Assert.NotEqual(0, link.TryFill());
        }

        length = frame.Length;
        return status == FrameStatus.Complete;
    }

    private static RelayLink Link(TcpSocket socket) => new(socket, new TlsCodec(), isTls: true);

    private static Identity NewIdentity() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    private static byte[] Record(Random random, int length)
    {
        var record = random.Bytes(HeaderLength + length);
        record[0] = (byte)random.Next(20, 25);
        record[1] = 3;
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)length);
        return record;
    }

    /// <summary>Hands on what two connections bring, byte by byte if it is slow.</summary>
    private sealed class Between : IDisposable
    {
        private readonly Socket _one;
        private readonly Socket _other;
        private readonly Task _work;
        private bool _isSlow;

        public Between(Socket one, Socket other)
        {
            _one = one;
            _other = other;
            _other.NoDelay = true;
            _work = Task.WhenAll(Task.Run(() => Carry(one, other)), Task.Run(() => Carry(other, one)));
        }

        public bool IsSlow
        {
            get => Volatile.Read(ref _isSlow);
            set => Volatile.Write(ref _isSlow, value);
        }

        public void Dispose()
        {
            _one.Dispose();
            _other.Dispose();
            _work.Wait();
        }

        private void Carry(Socket from, Socket to)
        {
            var buffer = new byte[65_536];
            try
            {
                while (from.Receive(buffer) is var count and > 0)
                {
                    var step = IsSlow ? 1 : count;
                    for (var i = 0; i < count; i += step)
                    {
                        to.Send(buffer.AsSpan(i, step));
                    }
                }

                to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed of.
            }
        }
    }
}
