// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>Handshakes, packets, peers and their addresses, between two ends without trouble in between.</summary>
public sealed class EngineTests
{
    [Fact]
    public void A_packet_without_a_session_waits_for_the_handshake_and_arrives()
    {
        using var pair = new TestPair();
        Assert.Equal(WireGuardDrop.None, pair.Left.Send(TestPair.ToRight(7)));
        Assert.Equal(1, pair.LeftPeer.Waiting);
        Assert.Equal(MessageType.Initiation, Assert.Single(pair.Left.Outbox).Type);

        pair.Deliver();
        Assert.Equal(TestPair.ToRight(7), Assert.Single(pair.AtRight));
        Assert.Equal(0, pair.LeftPeer.Waiting);
        Assert.Equal(
            [MessageType.Initiation, MessageType.Response, MessageType.Transport],
            pair.Recorded.Select(datagram => datagram.Type)
        );
        Assert.Equal([148, 92, 64 + 32], pair.Recorded.Select(datagram => datagram.Bytes.Length));
    }

    [Fact]
    public void Packets_go_both_ways_in_one_session_IPv4_and_IPv6()
    {
        using var pair = new TestPair();
        pair.Connect();
        Assert.Equal(WireGuardDrop.None, pair.Right.Send(InnerPacket.Make("fd00::2", "fd00::1", 5, 1280)));
        pair.Deliver();
        Assert.Equal(5, InnerPacket.NumberOf(pair.AtLeft[^1]));
        Assert.Single(pair.Recorded, datagram => datagram.Type == MessageType.Initiation);
        Assert.Equal(1, pair.LeftPeer.Counters.HandshakesCompleted);
        Assert.Equal(1, pair.RightPeer.Counters.HandshakesCompleted);
        Assert.Equal(2, pair.LeftPeer.Counters.PacketsIn);
        Assert.Equal(1, pair.LeftPeer.Counters.PacketsOut);
        Assert.Equal(pair.LeftPeer.Counters.BytesOut, pair.RightPeer.Counters.BytesIn);
        Assert.Equal(pair.RightPeer.Counters.BytesOut, pair.LeftPeer.Counters.BytesIn);
    }

    [Fact]
    public void An_initiator_with_nothing_to_send_confirms_the_session_with_a_keepalive()
    {
        using var pair = new TestPair();
        pair.Left.Engine.BeginHandshake(pair.LeftPeer);
        pair.Deliver();
        Assert.Equal(32, pair.Recorded[^1].Bytes.Length);
        Assert.Equal(1, pair.RightPeer.Counters.KeepalivesIn);
        Assert.NotNull(pair.RightPeer.Current);
        Assert.Equal(WireGuardDrop.None, pair.Right.Send(TestPair.ToLeft(1)));
        pair.Deliver();
        Assert.Single(pair.AtLeft);
    }

    [Fact]
    public void A_responder_does_not_send_in_a_session_before_the_initiator_has_used_it()
    {
        using var pair = new TestPair();
        pair.Left.Engine.BeginHandshake(pair.LeftPeer);
        pair.Right.Receive(Assert.Single(pair.Take(pair.Left)));
        Assert.Null(pair.RightPeer.Current);
        Assert.NotNull(pair.RightPeer.Next);
        pair.Right.Send(TestPair.ToLeft());
        Assert.Equal(
            [MessageType.Response, MessageType.Initiation],
            pair.Take(pair.Right).Select(datagram => datagram.Type)
        );
    }

    [Fact]
    public void Two_ends_that_begin_at_once_both_have_a_session_at_once()
    {
        using var pair = new TestPair();
        pair.Left.Send(TestPair.ToRight(1));
        pair.Right.Send(TestPair.ToLeft(2));
        pair.Deliver();
        Assert.Equal(1, InnerPacket.NumberOf(Assert.Single(pair.AtRight)));
        Assert.Equal(2, InnerPacket.NumberOf(Assert.Single(pair.AtLeft)));
        pair.Left.Send(TestPair.ToRight(3));
        pair.Right.Send(TestPair.ToLeft(4));
        pair.Deliver();
        Assert.Equal(2, pair.AtRight.Count);
        Assert.Equal(2, pair.AtLeft.Count);
    }

    [Theory]
    [InlineData(28, 1420, 32)]
    [InlineData(32, 1420, 32)]
    [InlineData(33, 1420, 48)]
    [InlineData(1404, 1420, 1408)]
    [InlineData(1409, 1420, 1420)]
    [InlineData(1420, 1420, 1420)]
    [InlineData(1420, 1280, 1420)]
    public void Padding_fills_up_to_16_bytes_but_not_beyond_the_mtu(int length, int mtu, int padded)
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Engine.Mtu = mtu;
        pair.Left.Send(TestPair.ToRight(0, length));
        pair.Deliver();
        Assert.Equal(padded + 32, pair.Recorded[^1].Bytes.Length);
        Assert.Equal(length, pair.AtRight[^1].Length);
    }

    [Fact]
    public void A_preshared_key_has_to_be_the_same_at_both_ends()
    {
        using var pair = new TestPair();
        pair.LeftPeer.SetPresharedKey([.. Enumerable.Repeat((byte)1, 32)]);
        pair.Left.Send(TestPair.ToRight());
        pair.Deliver();
        Assert.Empty(pair.AtRight);
        Assert.Null(pair.LeftPeer.Current);
        Assert.Equal(1, pair.LeftPeer.Counters.Drops[WireGuardDrop.NotAuthentic]);

        pair.RightPeer.SetPresharedKey([.. Enumerable.Repeat((byte)1, 32)]);
        pair.Advance(6_000);
        Assert.Single(pair.AtRight);
    }

    [Fact]
    public void A_stranger_and_whoever_takes_us_for_another_get_no_answer()
    {
        using var pair = new TestPair();
        using var stranger = new TestEnd("192.0.2.9:9", 9);
        stranger.Engine.BeginHandshake(stranger.Add(pair.Right.Key, pair.Right.Address));
        Assert.Equal(WireGuardDrop.UnknownPeer, pair.Right.Receive(Assert.Single(stranger.Outbox)).Drop);

        pair.Left.Engine.BeginHandshake(pair.LeftPeer);
        Assert.Equal(WireGuardDrop.WrongMac1, stranger.Receive(Assert.Single(pair.Left.Outbox)).Drop);
        Assert.Empty(pair.Right.Outbox);
        Assert.Single(stranger.Outbox);
    }

    [Fact]
    public void A_stranger_who_proves_its_key_can_be_let_in_and_one_who_only_names_a_key_is_not_even_asked_about()
    {
        using var pair = new TestPair();
        using var stranger = new TestEnd("192.0.2.9:9", 9);
        var peer = stranger.Add(pair.Right.Key, pair.Right.Address, "10.0.0.2/32");
        List<PublicKey> asked = [];
        pair.Right.Engine.UnknownPeer = (key, endpoint) =>
        {
            asked.Add(key);
            Assert.Equal(stranger.Address, endpoint);
            return pair.Right.Add(key, endpoint);
        };

        // It claims to be somebody whose public key it knows: the second half of its message gives it away.
        using var victim = new TestEnd("192.0.2.10:10", 10);
        using var liar = new TestEnd("192.0.2.9:9", 11, victim.PrivateKey);
        var liarPeer = liar.Add(pair.Right.Key, pair.Right.Address);
        liarPeer.StaticShared.Fill(1);
        liar.Engine.BeginHandshake(liarPeer);
        ComeBackWithCookie(liar);
        Assert.Equal(WireGuardDrop.UnknownPeer, pair.Right.Receive(Assert.Single(liar.Outbox)).Drop);
        Assert.Empty(asked);

        stranger.Send(peer, InnerPacket.Make("10.0.0.77", "10.0.0.2"));
        ComeBackWithCookie(stranger);
        Assert.Equal(ReceivedKind.Handshake, pair.Right.Receive(stranger.Outbox.Dequeue()).Kind);
        Assert.Equal(stranger.Key, Assert.Single(asked));
        Assert.Equal(ReceivedKind.Handshake, stranger.Receive(pair.Right.Outbox.Dequeue()).Kind);

        // Without a network of its own its packets go nowhere.
        Assert.Equal(WireGuardDrop.WrongSource, pair.Right.Receive(stranger.Outbox.Dequeue()).Drop);
        Assert.Equal(1, pair.Right.Engine.FindPeer(stranger.Key)!.Counters.HandshakesCompleted);

        // Who is unknown shows that it is where it seems: its first initiation is answered by a cookie, no more.
        void ComeBackWithCookie(TestEnd end)
        {
            Assert.Equal(WireGuardDrop.UnknownPeer, pair.Right.Receive(end.Outbox.Dequeue()).Drop);
            Assert.Empty(asked);
            var reply = pair.Right.Outbox.Dequeue();
            Assert.Equal(MessageType.CookieReply, reply.Type);
            Assert.Equal(ReceivedKind.Handshake, end.Receive(reply).Kind);
            end.Engine.Advance(6_000, default);
        }
    }

    [Fact]
    public void A_peer_may_send_only_from_its_own_networks_and_gets_what_goes_there()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Send(pair.LeftPeer, InnerPacket.Make("10.0.0.3", TestPair.RightInner));
        pair.Left.Send(pair.LeftPeer, InnerPacket.Make("fd00::3", "fd00::2"));
        pair.Left.Send(pair.LeftPeer, [0x55, .. new byte[63]]);
        pair.Deliver();
        Assert.Single(pair.AtRight);
        Assert.Equal(2, pair.RightPeer.Counters.Drops[WireGuardDrop.WrongSource]);
        Assert.Equal(1, pair.RightPeer.Counters.Drops[WireGuardDrop.Malformed]);
        Assert.Equal(WireGuardDrop.NoRoute, pair.Right.Send(InnerPacket.Make(TestPair.RightInner, "10.0.0.3")));
        Assert.Equal(WireGuardDrop.Malformed, pair.Right.Send([0x45, .. new byte[18]]));
        Assert.Equal(WireGuardDrop.Malformed, pair.Right.Send([0x60, .. new byte[38]]));
        Assert.Equal(1, pair.Right.Engine.Drops[WireGuardDrop.NoRoute]);
    }

    [Theory]
    [InlineData(2, 0)] // IPv4: total length beyond the packet
    [InlineData(2, 0xFF)]
    [InlineData(3, 19)] // shorter than its header
    [InlineData(3, 65)]
    public void An_inner_packet_that_contradicts_itself_is_dropped(int at, byte value)
    {
        using var pair = new TestPair();
        pair.Connect();
        var packet = TestPair.ToRight();
        packet[at] = value;
        pair.Left.Send(pair.LeftPeer, packet);
        pair.Deliver();
        var isWhole = (packet[2] << 8 | packet[3]) == 64;
        Assert.Equal(isWhole ? 2 : 1, pair.AtRight.Count);
        Assert.Equal(isWhole ? 0 : 1, pair.RightPeer.Counters.Drops[WireGuardDrop.Malformed]);
    }

    [Fact]
    public void Peers_are_followed_where_their_packets_come_from()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Address = TestEnd.At("[2001:db8::7]:7");
        pair.Left.Send(TestPair.ToRight());
        pair.Deliver();
        Assert.Equal(pair.Left.Address, pair.RightPeer.Endpoint);
        Assert.Equal(1, pair.RightPeer.Counters.EndpointMoves);
        Assert.Equal(1, pair.Right.CountOf(PeerEvent.EndpointMoved));

        pair.Right.Address = TestEnd.At("198.51.100.4:4");
        pair.Right.Send(TestPair.ToLeft());
        pair.Deliver();
        Assert.Equal(pair.Right.Address, pair.LeftPeer.Endpoint);
        pair.Left.Send(TestPair.ToRight(9));
        pair.Deliver();
        Assert.Equal(9, InnerPacket.NumberOf(pair.AtRight[^1]));
    }

    [Fact]
    public void An_endpoint_is_learned_from_a_peer_that_had_none_but_not_by_its_initiation_alone()
    {
        using var pair = new TestPair();
        pair.RightPeer.SetEndpoint(default);
        Assert.Equal(WireGuardDrop.NoEndpoint, pair.Right.Send(TestPair.ToLeft()));
        pair.Left.Send(TestPair.ToRight());
        pair.Right.Receive(Assert.Single(pair.Take(pair.Left)));
        Assert.True(pair.RightPeer.Endpoint.IsNone);
        pair.Deliver();
        Assert.Equal(pair.Left.Address, pair.RightPeer.Endpoint);
        Assert.Equal(0, pair.RightPeer.Counters.EndpointMoves);
        pair.Right.Send(TestPair.ToLeft());
        pair.Deliver();
        Assert.Single(pair.AtLeft);
    }

    [Fact]
    public void A_peer_is_removed_with_all_that_belongs_to_it()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Send(TestPair.ToRight(2));
        var late = Assert.Single(pair.Take(pair.Left));
        pair.Right.Engine.RemovePeer(pair.RightPeer);
        pair.Right.Engine.RemovePeer(pair.RightPeer);
        Assert.Equal(WireGuardDrop.NoSession, pair.Right.Receive(late).Drop);
        Assert.Equal(WireGuardDrop.NoRoute, pair.Right.Send(TestPair.ToLeft()));
        Assert.Equal(0, pair.Right.Engine.SessionCount);
        Assert.Empty(pair.Right.Engine.Peers);
        Assert.Equal(long.MaxValue, pair.Right.Engine.NextDue);
        pair.Right.Outbox.Clear();
        pair.Right.Engine.Advance(pair.Now + 1_000_000, default);
        Assert.Empty(pair.Right.Outbox);
    }

    [Fact]
    public void Changes_of_one_peer_leave_the_sessions_of_others_alone()
    {
        using var pair = new TestPair();
        pair.Connect();
        var other = pair.Right.Add(new PublicKey([9, .. new byte[31]]), TestEnd.At("192.0.2.9:9"), "10.0.0.9/32");
        other.SetPresharedKey(new byte[32]);
        pair.Right.Send(other, TestPair.ToLeft());
        pair.Right.Engine.RemovePeer(other);
        pair.Right.Outbox.Clear();
        pair.Left.Send(TestPair.ToRight(3));
        pair.Right.Send(TestPair.ToLeft(4));
        pair.Deliver();
        Assert.Equal(3, InnerPacket.NumberOf(pair.AtRight[^1]));
        Assert.Equal(4, InnerPacket.NumberOf(pair.AtLeft[^1]));
        Assert.Single(pair.Recorded, datagram => datagram.Type == MessageType.Initiation);
    }

    [Fact]
    public void A_network_moves_from_one_peer_to_another_as_wg_does()
    {
        using var pair = new TestPair();
        var other = pair.Right.Add(new PublicKey([9, .. new byte[31]]), TestEnd.At("192.0.2.9:9"), "10.0.0.0/24");
        pair.Connect();
        pair.Right.Engine.AddAllowedIp(other, TestEnd.Prefix("10.0.0.1/32"));
        Assert.Equal("fd00::1/128", Assert.Single(pair.RightPeer.AllowedIps).ToString());
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight());
        pair.Deliver();
        Assert.Equal(1, pair.RightPeer.Counters.Drops[WireGuardDrop.WrongSource]);

        Assert.False(pair.Right.Engine.RemoveAllowedIp(pair.RightPeer, TestEnd.Prefix("10.0.0.1/32")));
        Assert.True(pair.Right.Engine.RemoveAllowedIp(other, TestEnd.Prefix("10.0.0.1/32")));
        pair.Right.Engine.AddAllowedIp(pair.RightPeer, TestEnd.Prefix("10.0.0.1/32"));
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight(5));
        pair.Deliver();
        Assert.Equal(5, InnerPacket.NumberOf(pair.AtRight[^1]));
    }

    [Fact]
    public void Keys_that_can_be_no_peers_are_refused()
    {
        using var end = new TestEnd("192.0.2.1:1", 1);
        var key = new PublicKey([9, .. new byte[31]]);
        Assert.Equal(PeerRefusal.OwnKey, end.Engine.AddPeer(end.Key, default, out _));
        Assert.Equal(PeerRefusal.WeakKey, end.Engine.AddPeer(default, default, out _));
        Assert.Equal(PeerRefusal.None, end.Engine.AddPeer(key, default, out _));
        Assert.Equal(PeerRefusal.Known, end.Engine.AddPeer(key, default, out var peer));
        Assert.Null(peer);
    }

    [Fact]
    public void A_key_changes_while_packets_flow()
    {
        using var pair = new TestPair();
        pair.Connect();
        pair.Left.Send(TestPair.ToRight(1));
        var onTheWay = Assert.Single(pair.Take(pair.Left));
        var key = TestEnd.NewPrivateKey(77);
        Assert.Empty(pair.Right.Engine.SetIdentity(LocalIdentity.Import(key)));
        Assert.Equal(ReceivedKind.Packet, pair.Right.Receive(onTheWay).Kind);
        pair.Right.Send(TestPair.ToLeft());
        Assert.Equal(MessageType.Initiation, Assert.Single(pair.Take(pair.Right)).Type);

        // The left end learns of it a little later, and both go on with the new key.
        pair.Advance(100);
        pair.Left.Engine.RemovePeer(pair.LeftPeer);
        var peer = pair.Left.Add(pair.Right.Key, pair.Right.Address, "10.0.0.2/32");
        pair.Left.Send(peer, TestPair.ToRight(2));
        pair.Deliver();
        Assert.Equal(2, InnerPacket.NumberOf(pair.AtRight[^1]));
        pair.Right.Send(TestPair.ToLeft(3));
        pair.Deliver();
        Assert.Equal(3, InnerPacket.NumberOf(pair.AtLeft[^1]));
    }

    [Fact]
    public void A_key_that_a_peer_has_removes_that_peer()
    {
        using var pair = new TestPair();
        var removed = pair.Right.Engine.SetIdentity(LocalIdentity.Import(pair.Left.PrivateKey));
        Assert.Equal([pair.RightPeer], removed);
        Assert.Empty(pair.Right.Engine.Peers);
    }

    [Fact]
    public void Packets_that_wait_are_bounded_and_the_oldest_make_room()
    {
        using var pair = new TestPair();
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal(WireGuardDrop.None, pair.Left.Send(TestPair.ToRight(i)));
        }

        Assert.Equal(WaitingPackets.MaxPackets, pair.LeftPeer.Waiting);
        Assert.Equal(200 - WaitingPackets.MaxPackets, pair.LeftPeer.Counters.Drops[WireGuardDrop.QueueFull]);
        pair.Deliver();
        Assert.Equal(
            Enumerable.Range(200 - WaitingPackets.MaxPackets, WaitingPackets.MaxPackets).Select(i => (long)i),
            pair.AtRight.Select(InnerPacket.NumberOf)
        );
    }

    [Fact]
    public void A_public_key_is_read_as_wg_writes_it()
    {
        const string Text = "YDCttCs9e1J52/g9vEnwJJa+2x6RqaayAYMpSVQfGEY=";
        Assert.True(PublicKey.TryParse(Text, out var key));
        Assert.Equal(Text, key.ToString());
        var otherEnd = Text.Replace("EY=", "EZ=", StringComparison.Ordinal);
        Assert.All(["", "AAAA", Text[..43], Text + "=", Text.Replace('Y', '*'), otherEnd], text =>
            Assert.False(PublicKey.TryParse(text, out _), text)
        );
    }
}
