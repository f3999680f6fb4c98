// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Memory;

namespace UdpTunnel.Tests.Relay;

/// <summary>TLS without waiting: the handshake and frames, in whatever pieces the bytes come.</summary>
public sealed class TlsLinkTests
{
    [Fact]
    public void Both_ends_prove_their_keys_to_each_other_also_when_bytes_come_one_by_one()
    {
        using var between = new Between { IsSlow = true };
        var (own, others) = (NewIdentity(), NewIdentity());
        using var sender = between.Sender(own);
        using var receiver = between.Receiver(others);

        Shake(sender, receiver);

        Assert.Equal(others.Fingerprint, sender.PeerKey);
        Assert.Equal(own.Fingerprint, receiver.PeerKey);
    }

    [Fact]
    public void The_fingerprint_is_that_of_the_key_as_before()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        Assert.Equal(
            KeyFingerprint.FromHash(SHA256.HashData(key.ExportSubjectPublicKeyInfo())),
            new Identity(key).Fingerprint
        );
    }

    [Fact]
    public void Nothing_is_written_before_the_handshake()
    {
        using var between = new Between();
        using var sender = between.Sender(NewIdentity());

        Assert.False(sender.TryWrite(FrameType.Ping, []));
    }

    [Fact]
    public void Frames_are_read_as_they_come_and_never_waited_for()
    {
        using var between = new Between();
        using var sender = between.Sender(NewIdentity());
        using var receiver = between.Receiver(NewIdentity());
        Shake(sender, receiver);
        var flow = new CountedFlow(7);
        var writer = sender.BeginStreaming(new RelayCounters());
        _ = receiver.BeginStreaming(new RelayCounters());
        Assert.Equal(TcpSocket.Nothing, receiver.TryFill());

        // Bytes that come one by one are many looks at an incomplete record.
        between.IsSlow = true;
        writer.Add(flow, RandomNumberGenerator.GetBytes(300));
        writer.Flush();
        var looks = 0;
        while (!Next(receiver, out _))
        {
            looks++;
            Assert.True(looks < 10_000_000);
        }

        Assert.True(looks > 0);

        // More than a record holds, and more than is received at once.
        between.IsSlow = false;
        for (var i = 0; i < 5; i++)
        {
            writer.Add(flow, new byte[IRelayCodec.MaxDatagram]);
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
        while ((came = receiver.TryFill()) == TcpSocket.Nothing) { }

        Assert.Equal(0, came);
    }

    [Fact]
    public void A_handshake_longer_than_any_of_ours_fails()
    {
        using var pair = new TcpPair();
        using var receiver = new RelayLink(pair.Own, new TlsCodec(), NewIdentity().Context, isReceiver: true);

        // A client hello of 60,000 bytes (RFC 8446, section 4), of which the first records come.
        byte[] hello = [1, 0, 0xEA, 0x60, .. new byte[60_000]];
        foreach (var part in hello.Chunk(16_000))
        {
            pair.Peer.Send([0x16, 3, 1, (byte)(part.Length >> 8), (byte)part.Length, .. part]);
        }

        Assert.Equal(TlsProgress.Failed, Until(receiver, TlsProgress.Waits));
        Assert.NotEmpty(receiver.Problem);
    }

    [Fact]
    public void Nothing_on_the_way_of_a_datagram_allocates()
    {
        using var between = new Between();
        using var sender = between.Sender(NewIdentity());
        using var receiver = between.Receiver(NewIdentity());
        Shake(sender, receiver);
        var flow = new CountedFlow(7);
        var writer = sender.BeginStreaming(new RelayCounters());
        _ = receiver.BeginStreaming(new RelayCounters());
        var datagram = new byte[1400];
        Allocated.AssertNothing(() =>
        {
            writer.Add(flow, datagram);
            writer.Flush();
            while (!Next(receiver, out _)) { }
        });
    }

    private static TlsProgress Until(RelayLink link, TlsProgress notYet)
    {
        TlsProgress progress;
        var until = DateTime.UtcNow.AddSeconds(20);
        while ((progress = link.Shake()) == notYet)
        {
            Assert.True(DateTime.UtcNow < until);
        }

        return progress;
    }

    private static void Shake(RelayLink one, RelayLink other)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        var isDone = false;
        while (!isDone)
        {
            isDone = one.Shake() == TlsProgress.Done & other.Shake() == TlsProgress.Done;
            Assert.True(DateTime.UtcNow < until, $"{one.Problem} {other.Problem}");
        }
    }

    private static bool Next(RelayLink link, out int length)
    {
        var status = link.Reader.Next(out var frame);
        if (status == FrameStatus.Incomplete && link.TryFill() == 0)
        {
            Assert.Fail("the connection ended");
        }

        length = frame.Length;
        return status == FrameStatus.Complete;
    }

    private static Identity NewIdentity() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Hands on the bytes of two connections, byte by byte if it is slow.</summary>
    private sealed class Between : IDisposable
    {
        private readonly TcpPair _one = new();
        private readonly TcpPair _other = new();
        private readonly Task _work;
        private bool _isSlow;

        public Between() =>
            _work = Task.WhenAll(
                Task.Run(() => Carry(_one.Peer, _other.Peer)),
                Task.Run(() => Carry(_other.Peer, _one.Peer))
            );

        public bool IsSlow
        {
            get => Volatile.Read(ref _isSlow);
            set => Volatile.Write(ref _isSlow, value);
        }

        public RelayLink Sender(Identity identity) =>
            new(_one.Own, new TlsCodec(), identity.Context, isReceiver: false);

        public RelayLink Receiver(Identity identity) =>
            new(_other.Own, new TlsCodec(), identity.Context, isReceiver: true);

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
