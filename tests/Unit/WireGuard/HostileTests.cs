// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tests.Packets;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// What strangers and whoever sits between the ends can do: nothing changes, nothing is answered, and the true messages
/// still count.
/// </summary>
public sealed unsafe class HostileTests
{
    private static readonly Endpoint Elsewhere = TestEnd.At("203.0.113.66:666");

    [Fact]
    public void An_initiation_flipped_truncated_or_extended_anywhere_is_ignored_and_the_true_one_answered()
    {
        using var pair = new TestPair();
        pair.Left.Send(TestPair.ToRight(1));
        var initiation = Assert.Single(pair.Take(pair.Left)).Bytes;
        TryAll(pair.Right, pair.RightPeer, initiation, exceptFrom: InitiationMessage.Mac1 + 16);

        Assert.Equal(ReceivedKind.Handshake, pair.Right.Receive(initiation, pair.Left.Address).Kind);
        pair.Deliver();
        Assert.Equal(1, InnerPacket.NumberOf(Assert.Single(pair.AtRight)));
    }

    [Fact]
    public void A_response_flipped_truncated_or_extended_anywhere_is_ignored_and_the_true_one_taken()
    {
        using var pair = new TestPair();
        pair.Left.Send(TestPair.ToRight(1));
        pair.Right.Receive(Assert.Single(pair.Take(pair.Left)));
        var response = Assert.Single(pair.Take(pair.Right)).Bytes;
        TryAll(pair.Left, pair.LeftPeer, response, exceptFrom: ResponseMessage.Mac1 + 16);

        Assert.Equal(ReceivedKind.Handshake, pair.Left.Receive(response, pair.Right.Address).Kind);
        pair.Deliver();
        Assert.Equal(1, InnerPacket.NumberOf(Assert.Single(pair.AtRight)));
    }

    [Fact]
    public void A_packet_flipped_truncated_or_extended_anywhere_is_ignored_and_the_true_one_taken()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Send(TestPair.ToRight(1));
        var packet = Assert.Single(pair.Take(pair.Left)).Bytes;
        TryAll(pair.Right, pair.RightPeer, packet, exceptFrom: packet.Length);
        Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(packet, pair.Left.Address).Kind);
    }

    [Fact]
    public void A_cookie_reply_flipped_truncated_or_extended_anywhere_is_ignored_and_the_true_one_taken()
    {
        using var pair = new TestPair(new HandshakeRates(CheapRate: 0, CheapBurst: 0));
        pair.Left.Send(TestPair.ToRight(1));
        Assert.Equal(WireGuardDrop.UnderLoad, pair.Right.Receive(Assert.Single(pair.Take(pair.Left))).Drop);
        var reply = Assert.Single(pair.Take(pair.Right)).Bytes;
        TryAll(pair.Left, pair.LeftPeer, reply, exceptFrom: reply.Length);
        Assert.Equal(ReceivedKind.Handshake, pair.Left.Receive(reply, pair.Right.Address).Kind);
        Assert.Equal(WireGuardDrop.NotAuthentic, pair.Left.Receive(reply, pair.Right.Address).Drop);
        pair.Advance(6_000);
        Assert.Single(pair.AtRight);
    }

    /// <summary>
    /// With a right mac1 strangers get as far as the first agreement; with every field in turn filled with their own
    /// bytes no further.
    /// </summary>
    [Fact]
    public void A_forged_initiation_with_a_right_mac1_gets_no_further()
    {
        using var pair = new TestPair();
        using var crypto = new HandshakeCrypto();
        var jar = new CookieJar(crypto, Bytes(pair.Right.Key));
        pair.Left.Send(TestPair.ToRight(1));
        var initiation = Assert.Single(pair.Take(pair.Left)).Bytes;
        for (var at = 8; at < InitiationMessage.Mac1; at++)
        {
            byte[] forged = [.. initiation];
            forged[at] ^= 0x40;
            jar.Sign(forged, InitiationMessage.Mac1, 0);
            var drop = pair.Right.Receive(forged, Elsewhere).Drop;
            Assert.True(drop is WireGuardDrop.NotAuthentic or WireGuardDrop.UnknownPeer, $"{drop} at {at}");
        }

        // An ephemeral key that agrees with nobody's.
        byte[] weak = [.. initiation];
        weak.AsSpan(InitiationMessage.Noise, 32).Clear();
        jar.Sign(weak, InitiationMessage.Mac1, 0);
        Assert.Equal(WireGuardDrop.NotAuthentic, pair.Right.Receive(weak, Elsewhere).Drop);
        Assert.Empty(pair.Right.Outbox);
        Assert.Equal(ReceivedKind.Handshake, pair.Right.Receive(initiation, pair.Left.Address).Kind);
    }

    [Fact]
    public void A_forged_response_with_a_right_mac1_does_not_spoil_the_handshake()
    {
        using var pair = new TestPair();
        using var crypto = new HandshakeCrypto();
        var jar = new CookieJar(crypto, Bytes(pair.Left.Key));
        pair.Left.Send(TestPair.ToRight(1));
        pair.Right.Receive(Assert.Single(pair.Take(pair.Left)));
        var response = Assert.Single(pair.Take(pair.Right)).Bytes;
        for (var at = ResponseMessage.Noise; at < ResponseMessage.Mac1; at++)
        {
            byte[] forged = [.. response];
            forged[at] ^= 0x40;
            jar.Sign(forged, ResponseMessage.Mac1, 0);
            Assert.Equal(WireGuardDrop.NotAuthentic, pair.Left.Receive(forged, Elsewhere).Drop);
        }

        Assert.Equal(pair.Right.Address, pair.LeftPeer.Endpoint);
        Assert.Equal(ReceivedKind.Handshake, pair.Left.Receive(response, pair.Right.Address).Kind);
        Assert.Equal(WireGuardDrop.NotAwaited, pair.Left.Receive(response, pair.Right.Address).Drop);
    }

    [Fact]
    public void Everything_recorded_and_sent_again_from_anywhere_changes_nothing()
    {
        using var pair = new TestPair();
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            pair.Left.Send(TestPair.ToRight(i));
            pair.Right.Send(TestPair.ToLeft(i));
            pair.Advance(1_000);
        }

        Assert.True(pair.LeftPeer.Counters.HandshakesCompleted >= 2);
        TestDatagram[] recorded = [.. pair.Recorded];
        var (left, right) = (Describe(pair.LeftPeer), Describe(pair.RightPeer));
        for (var round = 0; round < 3; round++)
        {
            random.Shuffle(recorded);
            foreach (var datagram in recorded)
            {
                foreach (var end in new[] { pair.Left, pair.Right })
                {
                    var received = end.Receive(datagram.Bytes, round == 0 ? datagram.From : Elsewhere);
                    Assert.Equal(ReceivedKind.Dropped, received.Kind);
                    Assert.Empty(end.Outbox);
                }
            }

            pair.Advance(2_000);
        }

        Assert.Equal((left, right), (Describe(pair.LeftPeer), Describe(pair.RightPeer)));
        pair.Left.Send(TestPair.ToRight(7));
        pair.Deliver();
        Assert.Equal(7, InnerPacket.NumberOf(pair.AtRight[^1]));
    }

    [Fact]
    public void An_initiation_that_comes_too_soon_after_another_is_not_answered()
    {
        using var pair = new TestPair();
        using var twin = new TestEnd("192.0.2.3:3", 3, pair.Left.PrivateKey);
        var twinPeer = twin.Add(pair.Right.Key, pair.Right.Address);
        var later = Tai64n.From(DateTimeOffset.UnixEpoch.AddYears(90));
        pair.Left.Engine.BeginHandshake(pair.LeftPeer);
        twin.Engine.Advance(pair.Now, later);
        twin.Engine.BeginHandshake(twinPeer);
        pair.Right.Receive(Assert.Single(pair.Left.Outbox));
        Assert.Equal(WireGuardDrop.TooSoon, pair.Right.Receive(Assert.Single(twin.Outbox)).Drop);
        Assert.Single(pair.Right.Outbox);
        pair.Jump(Protocol.InitiationInterval);
        Assert.Equal(ReceivedKind.Handshake, pair.Right.Receive(Assert.Single(twin.Outbox)).Kind);
    }

    [Fact]
    public void Packets_that_overtook_8000_others_take_nothing_from_them()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.AtRight.Clear();
        List<TestDatagram> sent = [];
        for (var i = 0; i < 8_001; i++)
        {
            pair.Left.Send(TestPair.ToRight(i));
            sent.AddRange(pair.Take(pair.Left));
        }

        Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(sent[^1]).Kind);
        Assert.All(sent.SkipLast(1), datagram => Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(datagram).Kind));
        Assert.All(sent, datagram => Assert.Equal(WireGuardDrop.Replayed, pair.Right.Receive(datagram).Drop));
    }

    [Fact]
    public void The_counter_ends_where_the_paper_says_and_a_new_session_follows()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.LeftPeer.Current!.NextCounter = Protocol.RekeyAfterMessages - 1;
        pair.Advance(5_000);
        pair.Left.Send(TestPair.ToRight(1));
        Assert.Single(pair.Take(pair.Left));
        pair.Left.Send(TestPair.ToRight(2));
        Assert.Equal(
            [MessageType.Initiation, MessageType.Transport],
            pair.Take(pair.Left).Select(datagram => datagram.Type)
        );

        pair.Advance(6_000);
        pair.LeftPeer.Current!.NextCounter = Protocol.RejectAfterMessages - 1;
        pair.Left.Send(TestPair.ToRight(3));
        var last = Assert.Single(pair.Take(pair.Left), datagram => datagram.Type == MessageType.Transport);
        Assert.Equal(Protocol.RejectAfterMessages - 1, BitConverter.ToUInt64(last.Bytes, TransportMessage.Counter));
        Assert.False(pair.Left.Engine.TryBegin(pair.LeftPeer, 1, out _));
        Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(last).Kind);
        pair.Left.Send(TestPair.ToRight(4));
        Assert.Equal(1, pair.LeftPeer.Waiting);
        pair.Advance(6_000);
        Assert.Equal(4, InnerPacket.NumberOf(pair.AtRight[^1]));
    }

    [Theory]
    [InlineData(Protocol.RejectAfterMessages)]
    [InlineData(ulong.MaxValue)]
    public void A_counter_beyond_the_end_is_not_even_opened(ulong counter)
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.LeftPeer.Current!.NextCounter = counter;
        var datagram = new byte[200];
        int length;
        fixed (byte* start = datagram)
        {
            TestPair.ToRight().CopyTo(datagram, 16);
            length = pair.LeftPeer.Current.Seal(start, 64, counter, 1420);
        }

        Assert.Equal(WireGuardDrop.SessionExpired, pair.Right.Receive(datagram[..length], pair.Left.Address).Drop);
    }

    [Fact]
    public void A_run_takes_all_of_its_counters_at_once_or_none()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.LeftPeer.Current!.NextCounter = Protocol.RejectAfterMessages - 10;
        Assert.False(pair.Left.Engine.TryBegin(pair.LeftPeer, 11, out _));
        Assert.True(pair.Left.Engine.TryBegin(pair.LeftPeer, 10, out var run));
        Assert.Equal(Protocol.RejectAfterMessages, pair.LeftPeer.Current!.NextCounter);
        var datagram = stackalloc byte[200];
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(96, run.Seal(datagram, 64));
        }

        Assert.Equal(0, run.Seal(datagram, 64));
        Assert.Equal((10, 960L), (run.Packets, run.Bytes));
    }

    /// <summary>A datagram ends where memory ends: nobody reads or writes behind it.</summary>
    [Fact]
    public void Nothing_behind_a_datagram_is_touched()
    {
        using var pair = new TestPair();
        using var memory = new GuardedMemory(200);
        var random = new Random(1);
        pair.Connect();
        for (var length = 0; length <= 160; length++)
        {
            for (byte type = 0; type < 6; type++)
            {
                var bytes = new byte[length];
                random.NextBytes(bytes);
                byte[] head = [type, 0, 0, 0, .. BitConverter.GetBytes(pair.RightPeer.Current!.LocalIndex)];
                head.AsSpan(0, Math.Min(head.Length, length)).CopyTo(bytes);
                var received = pair.Right.Engine.Receive(memory.PlaceAtEnd(bytes), length, Elsewhere);
                Assert.Equal(ReceivedKind.Dropped, received.Kind);
            }
        }

        Assert.Empty(pair.Right.Outbox);
    }

    /// <summary>Every change of a message, which must not change the end that gets it.</summary>
    /// <param name="end">Who gets it.</param>
    /// <param name="peer">Who it seems to come from.</param>
    /// <param name="message">The true one.</param>
    /// <param name="exceptFrom">From here on are bytes that say nothing without a cookie: mac2.</param>
    private static void TryAll(TestEnd end, Peer peer, byte[] message, int exceptFrom)
    {
        var before = Describe(peer);
        List<byte[]> changed = [];
        for (var at = 0; at < exceptFrom; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                byte[] flipped = [.. message];
                flipped[at] ^= (byte)(1 << bit);
                changed.Add(flipped);
            }
        }

        changed.AddRange(Enumerable.Range(0, message.Length).Select(length => message[..length]));
        changed.AddRange(Enumerable.Range(1, 40).Select(more => (byte[])[.. message, .. new byte[more]]));
        foreach (var wrong in changed)
        {
            var received = end.Receive(wrong, Elsewhere);
            Assert.Equal(ReceivedKind.Dropped, received.Kind);
            Assert.NotEqual(WireGuardDrop.None, received.Drop);
        }

        Assert.Empty(end.Outbox);
        Assert.Equal(before, Describe(peer));
    }

    /// <summary>All of a peer that a stranger could wish to change.</summary>
    private static object Describe(Peer peer) =>
        (
            peer.Endpoint.ToString(),
            peer.Previous,
            peer.Current,
            peer.Next,
            peer.Current?.NextCounter,
            peer.PendingIndex,
            peer.Timestamps,
            peer.LastReceivedAt,
            peer.LastHandshakeAt,
            peer.Counters.PacketsIn,
            peer.Counters.BytesIn,
            peer.Counters.HandshakesCompleted
        );

    private static byte[] Bytes(PublicKey key)
    {
        var bytes = new byte[PublicKey.Size];
        key.CopyTo(bytes);
        return bytes;
    }
}
