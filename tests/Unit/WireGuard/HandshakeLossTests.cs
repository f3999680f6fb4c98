// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// What happens when handshake messages are lost, ends restart, clocks are set, or two hosts have one key: it goes on
/// by itself.
/// </summary>
public sealed class HandshakeLossTests
{
    [Theory]
    [InlineData(MessageType.Initiation)]
    [InlineData(MessageType.Response)]
    [InlineData(MessageType.Transport)]
    internal void The_loss_of_any_first_message_costs_seconds_and_not_the_link(MessageType lost)
    {
        using var pair = new TestPair();
        var isFirst = true;
        pair.IsLost = datagram =>
        {
            var isLost = isFirst && datagram.Type == lost;
            isFirst &= !isLost;
            return isLost;
        };
        pair.Left.Send(TestPair.ToRight(1));
        pair.Advance(5_500);
        pair.Left.Send(TestPair.ToRight(2));
        pair.Deliver();
        Assert.False(isFirst);
        Assert.Equal(2, InnerPacket.NumberOf(pair.AtRight[^1]));
        pair.Right.Send(TestPair.ToLeft(3));
        pair.Deliver();
        Assert.Equal(3, InnerPacket.NumberOf(pair.AtLeft[^1]));
    }

    [Theory]
    [InlineData(MessageType.Initiation)]
    [InlineData(MessageType.Response)]
    internal void The_loss_of_a_message_of_a_later_handshake_costs_nothing(MessageType lost)
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(Protocol.RekeyAfterTime);
        var losses = 3;
        pair.IsLost = datagram => datagram.Type == lost && losses-- > 0;
        for (var i = 0; i < 400; i++)
        {
            var (left, right) = (pair.AtLeft.Count, pair.AtRight.Count);
            pair.Left.Send(TestPair.ToRight(i));
            pair.Right.Send(TestPair.ToLeft(i));
            pair.Advance(100);
            Assert.Equal((left + 1, right + 1), (pair.AtLeft.Count, pair.AtRight.Count));
        }

        Assert.True(losses < 0);
        Assert.Equal(2, pair.LeftPeer.Counters.HandshakesCompleted);
    }

    /// <summary>
    /// The way takes 50 ms, and both send all the time. When both begin at once, each has begun a session and answered
    /// the other's, and both renew at once again and again.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(60)]
    [InlineData(110)]
    public void Sessions_are_renewed_without_loss_whoever_begins_and_when(int rightLater)
    {
        using var pair = new TestPair();
        Queue<(long Arrival, TestDatagram Datagram, TestEnd To)> network = [];
        HashSet<long> missing = [];
        var number = 0L;
        for (var time = 0; time < 1_000_000; time += 10)
        {
            pair.Jump(10);
            missing.Add(++number);
            pair.Left.Send(TestPair.ToRight(number));
            if (time >= rightLater)
            {
                missing.Add(++number);
                pair.Right.Send(TestPair.ToLeft(number));
            }

            while (network.TryPeek(out var next) && next.Arrival <= pair.Now)
            {
                network.Dequeue();
                if (next.To.Receive(next.Datagram) is { Kind: ReceivedKind.Packet } received)
                {
                    Assert.True(missing.Remove(InnerPacket.NumberOf(received.Packet)));
                }
            }

            pair.Take(pair.Left).ForEach(datagram => network.Enqueue((pair.Now + 50, datagram, pair.Right)));
            pair.Take(pair.Right).ForEach(datagram => network.Enqueue((pair.Now + 50, datagram, pair.Left)));
            pair.Recorded.Clear();
            Assert.InRange(pair.Left.Engine.SessionCount, 0, 4);
        }

        // What is missing is on its way.
        Assert.InRange(pair.LeftPeer.Counters.HandshakesCompleted, 8, 18);
        Assert.All(missing, late => Assert.True(late > number - 20, $"{late} of {number} is lost"));
    }

    [Fact]
    public void A_late_packet_of_the_session_before_still_arrives()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Right.Send(TestPair.ToLeft(41));
        pair.Left.Send(TestPair.ToRight(42));
        var toLeft = Assert.Single(pair.Take(pair.Right));
        var toRight = Assert.Single(pair.Take(pair.Left));
        pair.Advance(Protocol.RekeyAfterTime);
        pair.Left.Send(TestPair.ToRight());
        pair.Deliver();
        pair.Right.Send(TestPair.ToLeft());
        pair.Deliver();
        Assert.Equal(2, pair.RightPeer.Counters.HandshakesCompleted);
        Assert.Equal(ReceivedKind.Packet, pair.Left.Receive(toLeft).Kind);
        Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(toRight).Kind);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_end_that_restarts_is_back_with_its_first_packet(bool isInitiator)
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(10_000);
        if (isInitiator)
        {
            pair.RestartLeft();
            pair.Left.Send(TestPair.ToRight(5));
            pair.Deliver();
            Assert.Equal(5, InnerPacket.NumberOf(pair.AtRight[^1]));
        }
        else
        {
            pair.RestartRight();
            pair.Right.Send(TestPair.ToLeft(5));
            pair.Deliver();
            Assert.Equal(5, InnerPacket.NumberOf(pair.AtLeft[^1]));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_end_that_stays_notices_a_restart_of_the_other_in_15_seconds(bool leftRestarts)
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Advance(10_000);
        if (leftRestarts)
        {
            pair.RestartLeft();
        }
        else
        {
            pair.RestartRight();
        }

        var arrived = leftRestarts ? pair.AtLeft : pair.AtRight;
        arrived.Clear();
        for (var i = 0; i < 160 && arrived.Count == 0; i++)
        {
            _ = leftRestarts ? pair.Right.Send(TestPair.ToLeft(i)) : pair.Left.Send(TestPair.ToRight(i));
            pair.Advance(100);
        }

        Assert.NotEmpty(arrived);
    }

    [Fact]
    public void A_restarted_responder_that_kept_timestamps_answers_no_recorded_initiation_but_new_ones()
    {
        using var pair = new TestPair();
        pair.Connect();
        var recorded = pair.Recorded.First(datagram => datagram.Type == MessageType.Initiation);
        pair.Advance(1_000);
        pair.RestartRight();
        Assert.Equal(WireGuardDrop.StaleTimestamp, pair.Right.Receive(recorded).Drop);
        Assert.Empty(pair.Right.Outbox);
        pair.RestartLeft();
        pair.Left.Send(TestPair.ToRight(3));
        pair.Deliver();
        Assert.Equal(3, InnerPacket.NumberOf(pair.AtRight[^1]));
    }

    [Fact]
    public void A_recorded_initiation_leads_to_nothing_even_if_timestamps_were_lost()
    {
        using var pair = new TestPair();
        pair.Connect();
        var recorded = pair.Recorded.First(datagram => datagram.Type == MessageType.Initiation);
        pair.Advance(1_000);
        pair.RestartRight(keepsTimestamps: false);
        var before = pair.RightPeer.Endpoint;
        var received = pair.Right.Receive(recorded with { From = TestEnd.At("203.0.113.66:6") });
        Assert.Equal(ReceivedKind.Handshake, received.Kind);
        Assert.Equal(before, pair.RightPeer.Endpoint);
        Assert.Null(pair.RightPeer.Current);
        Assert.Equal(-1, pair.RightPeer.LastHandshakeAt);
    }

    [Theory]
    [InlineData(-10 * 365)]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(10 * 365)]
    public void A_clock_that_is_set_does_not_stop_handshakes_of_an_end_that_remembers_what_it_sent(int days)
    {
        using var pair = new TestPair();
        pair.Connect();
        foreach (var error in new[] { TimeSpan.FromDays(days), TimeSpan.Zero, TimeSpan.FromDays(days) })
        {
            pair.LeftWallError = error;
            pair.RightWallError = -error;
            pair.Advance(200_000);
            pair.RestartLeft();
            pair.Left.Send(TestPair.ToRight(days));
            pair.Deliver();
            Assert.Equal(days, InnerPacket.NumberOf(pair.AtRight[^1]));
            pair.Right.Send(TestPair.ToLeft());
            pair.Deliver();
            pair.Advance(200_000);
            pair.Right.Send(TestPair.ToLeft(days));
            pair.Deliver();
            Assert.Equal(days, InnerPacket.NumberOf(pair.AtLeft[^1]));
        }
    }

    [Fact]
    public void A_clock_before_1970_is_taken_for_1970()
    {
        Assert.Equal(Tai64n.From(DateTimeOffset.UnixEpoch), Tai64n.From(DateTimeOffset.MinValue));
        Assert.True(Tai64n.From(DateTimeOffset.UnixEpoch) > default(Tai64n));
        Assert.True(Tai64n.From(DateTimeOffset.MaxValue) > Tai64n.From(DateTimeOffset.UnixEpoch));
    }

    [Fact]
    public void Timestamps_grow_in_steps_that_tell_little_of_the_clock_and_are_compared_as_bytes()
    {
        var random = new Random(1);
        var last = Tai64n.From(DateTimeOffset.UnixEpoch).Coarse();
        Span<byte> before = stackalloc byte[Tai64n.Size];
        Span<byte> after = stackalloc byte[Tai64n.Size];
        for (var i = 0; i < 1000; i++)
        {
            var next =
                random.Next(2) == 0
                    ? last.NextCoarse()
                    : (last with { Seconds = last.Seconds + (ulong)random.Next(1, 1000) });
            last.Write(before);
            next.Write(after);
            Assert.True(next > last);
            Assert.True(after.SequenceCompareTo(before) > 0);
            Assert.Equal(next, Tai64n.Read(after));
            Assert.Equal(0u, next.Nanoseconds & 0xFF_FFFF);
            Assert.True(next.Nanoseconds < 1_000_000_000);
            last = next;
        }
    }

    [Fact]
    public void Two_hosts_with_one_key_take_the_link_from_each_other_and_harm_nobody_else()
    {
        using var pair = new TestPair();
        using var twin = new TestEnd("192.0.2.3:1003", 3, pair.Left.PrivateKey);
        var twinPeer = twin.Add(pair.Right.Key, pair.Right.Address, "10.0.0.2/32");
        using var third = new TestEnd("192.0.2.4:1004", 4);
        var thirdPeer = third.Add(pair.Right.Key, pair.Right.Address, "10.0.0.2/32");
        pair.Right.Add(third.Key, third.Address, "10.0.0.4/32");
        TestEnd[] ends = [pair.Left, twin, third, pair.Right];
        Peer[] peers = [pair.LeftPeer, twinPeer, thirdPeer];
        string[] inner = [TestPair.LeftInner, TestPair.LeftInner, "10.0.0.4"];
        var arrived = new long[3];
        for (var step = 0; step < 600; step++)
        {
            pair.Jump(1_000);
            var wall = DateTimeOffset.UnixEpoch + TimeSpan.FromMilliseconds(pair.Now);
            twin.Engine.Advance(pair.Now, Tai64n.From(wall.AddYears(57)));
            third.Engine.Advance(pair.Now, Tai64n.From(wall));
            for (var i = 0; i < 3; i++)
            {
                ends[i].Send(peers[i], InnerPacket.Make(inner[i], TestPair.RightInner, i));
            }

            while (ends.Any(end => end.Outbox.Count > 0))
            {
                foreach (var from in ends)
                {
                    while (from.Outbox.TryDequeue(out var datagram))
                    {
                        var received = ends.Single(end => end.Address.Equals(datagram.To)).Receive(datagram);
                        if (received.Kind == ReceivedKind.Packet)
                        {
                            arrived[InnerPacket.NumberOf(received.Packet)]++;
                        }
                    }
                }
            }
        }

        Assert.Equal(600, arrived[2]);
        Assert.True(arrived[0] + arrived[1] > 0);
        Assert.InRange(pair.Right.Engine.SessionCount, 1, 8);
    }
}
