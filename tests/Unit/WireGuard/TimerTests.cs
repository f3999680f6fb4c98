// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>The timers of section 6 of the paper, with its constants, in time that a test moves.</summary>
public sealed class TimerTests
{
    [Fact]
    public void The_initiator_begins_a_new_session_when_it_sends_after_120_seconds()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(Protocol.RekeyAfterTime - 1);
        Exchange(pair);
        Assert.Equal(1, Initiations(pair));
        pair.Advance(1);
        Exchange(pair);
        Assert.Equal(2, Initiations(pair));
        Assert.Equal(pair.Now, pair.LeftPeer.LastHandshakeAt);
        Exchange(pair);
        Assert.Equal(2, Initiations(pair));
    }

    [Fact]
    public void The_responder_leaves_that_to_the_initiator()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(Protocol.RekeyAfterTime + 1);
        pair.Recorded.Clear();
        pair.Right.Send(TestPair.ToLeft());
        Assert.Equal(MessageType.Transport, Assert.Single(pair.Take(pair.Right)).Type);
    }

    [Fact]
    public void No_data_means_no_handshake()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Recorded.Clear();
        pair.Advance(24 * 3600_000);
        Assert.Equal(0, Initiations(pair));

        // Each says once that it has received the other's packet.
        Assert.InRange(pair.Recorded.Count, 1, 2);
    }

    [Fact]
    public void A_session_carries_nothing_after_180_seconds_and_what_is_sent_then_waits_for_a_new_one()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(Protocol.RejectAfterTime - 1);
        pair.Right.Send(TestPair.ToLeft(1));
        var inTime = Assert.Single(pair.Take(pair.Right));
        pair.Right.Send(TestPair.ToLeft(2));
        var late = Assert.Single(pair.Take(pair.Right));
        Assert.Equal(ReceivedKind.Packet, pair.Left.Receive(inTime).Kind);
        pair.Left.Outbox.Clear();
        pair.Jump(1);
        Assert.Equal(WireGuardDrop.SessionExpired, pair.Left.Receive(late).Drop);
        pair.Right.Send(TestPair.ToLeft(3));
        Assert.Equal(MessageType.Initiation, Assert.Single(pair.Right.Outbox).Type);
        pair.Deliver();
        Assert.Equal(3, InnerPacket.NumberOf(pair.AtLeft[^1]));
    }

    [Fact]
    public void An_initiator_that_only_receives_begins_a_new_session_after_165_seconds_once()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(164_900);
        pair.Right.Send(TestPair.ToLeft());
        pair.Right.Receive(new TestDatagram([], default, default));
        var datagram = Assert.Single(pair.Take(pair.Right));
        pair.Jump(100);
        pair.Left.Receive(datagram);
        Assert.Equal(MessageType.Initiation, Assert.Single(pair.Take(pair.Left)).Type);

        // That initiation was lost; more packets do not bring more of them before the timer does.
        pair.Right.Send(TestPair.ToLeft());
        pair.Left.Receive(Assert.Single(pair.Take(pair.Right)));
        Assert.Empty(pair.Left.Outbox);
    }

    [Fact]
    public void An_initiation_is_sent_again_every_5_seconds_and_a_bit_for_90_seconds()
    {
        using var pair = new TestPair();
        List<long> sent = [];
        pair.IsLost = datagram =>
        {
            sent.Add(pair.Now);
            return true;
        };
        pair.Left.Send(TestPair.ToRight());
        pair.Advance(600_000);

        Assert.Equal(1 + (Protocol.RekeyAttemptTime / Protocol.RekeyTimeout), sent.Count);
        var gaps = sent.Zip(sent.Skip(1), (one, next) => next - one).ToList();
        Assert.All(gaps, gap => Assert.InRange(gap, Protocol.RekeyTimeout, Protocol.RekeyTimeout + Protocol.MaxJitter));
        Assert.True(gaps.Distinct().Count() > 5);
        Assert.Equal(
            pair.Recorded.Count,
            pair.Recorded.DistinctBy(datagram => Convert.ToHexString(datagram.Bytes)).Count()
        );
        Assert.Equal(1, pair.LeftPeer.Counters.HandshakesGivenUp);
        Assert.Equal(1, pair.Left.CountOf(PeerEvent.HandshakeGivenUp));
        Assert.Equal(1, pair.LeftPeer.Counters.Drops[WireGuardDrop.HandshakeFailed]);
        Assert.Equal(0, pair.LeftPeer.Waiting);
        Assert.Equal(0, pair.Left.Engine.SessionCount);

        // Whoever sends again begins anew.
        pair.IsLost = _ => false;
        pair.Left.Send(TestPair.ToRight(5));
        pair.Deliver();
        Assert.Equal(5, InnerPacket.NumberOf(Assert.Single(pair.AtRight)));
    }

    [Fact]
    public void Packets_meanwhile_do_not_make_initiations_more_frequent()
    {
        using var pair = new TestPair { IsLost = _ => true };
        for (var i = 0; i < 300; i++)
        {
            pair.Left.Send(TestPair.ToRight(i));
            pair.Advance(100);
        }

        Assert.InRange(Initiations(pair), 5, 7);
    }

    [Fact]
    public void Whoever_received_data_and_sends_nothing_says_so_after_10_seconds()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(60_000);
        pair.Recorded.Clear();
        pair.Left.Send(TestPair.ToRight());
        pair.Advance(Protocol.KeepaliveTimeout - 1);
        Assert.Single(pair.Recorded);
        pair.Advance(1);
        Assert.Equal([96, 32], pair.Recorded.Select(datagram => datagram.Bytes.Length));
        Assert.Equal(1, pair.LeftPeer.Counters.KeepalivesIn);

        // A keepalive is answered by nothing.
        pair.Advance(60_000);
        Assert.Equal(2, pair.Recorded.Count);
    }

    [Fact]
    public void One_keepalive_answers_all_data_that_came_before_it()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(60_000);
        pair.Recorded.Clear();
        pair.Left.Send(TestPair.ToRight());
        pair.Advance(3_000);
        pair.Left.Send(TestPair.ToRight());
        pair.Advance(60_000);
        Assert.Equal([96, 96, 32], pair.Recorded.Select(datagram => datagram.Bytes.Length));
    }

    [Fact]
    public void Whoever_sends_data_anyway_sends_no_keepalive()
    {
        using var pair = new TestPair();
        pair.Connect();
        for (var i = 0; i < 20; i++)
        {
            pair.Advance(5_000);
            Exchange(pair);
        }

        Assert.DoesNotContain(pair.Recorded, datagram => datagram.Bytes.Length == 32);
    }

    [Fact]
    public void Data_without_any_sign_of_life_for_15_seconds_begins_a_handshake()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(30_000);
        pair.Recorded.Clear();
        pair.IsLost = _ => true;
        pair.Left.Send(TestPair.ToRight());
        pair.Advance(14_999);
        Assert.Equal(0, Initiations(pair));
        pair.Advance(1 + Protocol.MaxJitter);
        Assert.Equal(1, Initiations(pair));
        Assert.True(pair.Left.CountOf(PeerEvent.SourceDoubtful) > 0);
    }

    [Fact]
    public void A_persistent_keepalive_is_sent_at_once_and_then_in_its_interval()
    {
        using var pair = new TestPair();
        List<long> sent = [];
        pair.Left.Engine.SetPersistentKeepalive(pair.LeftPeer, 25);
        pair.Advance(0);
        Assert.Equal(1, Initiations(pair));
        Assert.Equal(1, pair.LeftPeer.Counters.KeepalivesOut);
        pair.Recorded.Clear();
        pair.IsLost = datagram =>
        {
            sent.Add(pair.Now);
            return false;
        };
        pair.Advance(110_000);
        Assert.All(sent.Zip(sent.Skip(1), (one, next) => next - one), gap => Assert.Equal(25_000, gap));
        Assert.Equal(4, sent.Count);

        pair.Left.Engine.SetPersistentKeepalive(pair.LeftPeer, 0);
        sent.Clear();
        pair.Advance(110_000);
        Assert.Empty(sent);
    }

    [Fact]
    public void Persistent_keepalives_keep_a_session_up_for_a_day_and_try_for_ever()
    {
        using var pair = new TestPair();
        pair.Left.Engine.SetPersistentKeepalive(pair.LeftPeer, 25);
        pair.Advance(24 * 3600_000);
        Assert.InRange(pair.LeftPeer.Counters.HandshakesCompleted, 24 * 3600 / 150, 24 * 3600 / 120);
        Assert.True(pair.LeftPeer.Current!.AgeAt(pair.Now) < Protocol.RejectAfterTime);

        pair.IsLost = _ => true;
        pair.Advance(3600_000);
        pair.IsLost = _ => false;
        pair.Advance(120_000);
        Assert.True(pair.LeftPeer.Current!.AgeAt(pair.Now) < Protocol.RejectAfterTime);
        Assert.True(pair.LeftPeer.Counters.HandshakesGivenUp > 5);
    }

    [Fact]
    public void All_keys_are_gone_540_seconds_after_the_last_session_was_made()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(Protocol.ForgetAfterTime - 1);
        Assert.Equal(1, pair.Left.Engine.SessionCount);
        pair.Advance(1);
        Assert.Equal(0, pair.Left.Engine.SessionCount);
        Assert.Equal(0, pair.Right.Engine.SessionCount);
        Assert.False(pair.LeftPeer.HasSession || pair.RightPeer.HasSession);
        Assert.Equal(1, pair.Left.CountOf(PeerEvent.KeysForgotten));
        Assert.Equal(long.MaxValue, pair.Left.Engine.NextDue);
        Assert.Equal(long.MaxValue, pair.Right.Engine.NextDue);
        Exchange(pair);
        Assert.Equal(2, pair.AtLeft.Count);
    }

    [Fact]
    public void After_a_suspend_of_any_length_the_next_packet_gets_through()
    {
        using var pair = new TestPair();
        long[] gaps = [1_000, 100_000, 150_000, 179_999, 180_000, 181_000, 541_000, 30 * 24 * 3600_000L];
        foreach (var gap in gaps)
        {
            pair.Connect();
            pair.AtRight.Clear();
            pair.Jump(gap);
            pair.Left.Send(TestPair.ToRight(gap));
            pair.Deliver();
            Assert.Equal(gap, InnerPacket.NumberOf(pair.AtRight[^1]));
            pair.Advance(600_000);
        }
    }

    [Fact]
    public void A_host_that_alone_was_suspended_gets_through_with_the_first_packets()
    {
        using var pair = new TestPair();
        pair.Connect();

        // For the left end no time has passed.
        pair.Right.Engine.Advance(pair.Now + 400_000, default);
        pair.Right.Send(TestPair.ToLeft(8));
        pair.Deliver();
        Assert.Equal(8, InnerPacket.NumberOf(pair.AtLeft[^1]));
    }

    [Fact]
    public void An_idle_peer_is_due_for_nothing()
    {
        using var pair = new TestPair();
        Assert.Equal(long.MaxValue, pair.Left.Engine.NextDue);
    }

    private static int Initiations(TestPair pair) =>
        pair.Recorded.Count(datagram => datagram.Type == MessageType.Initiation);

    private static void Exchange(TestPair pair)
    {
        pair.Left.Send(TestPair.ToRight());
        pair.Deliver();
        pair.Right.Send(TestPair.ToLeft());
        pair.Deliver();
    }
}
