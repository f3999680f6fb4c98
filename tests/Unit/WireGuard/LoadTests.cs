// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// Floods of handshakes: cookies come into force, addresses have rates, and a known peer still gets through.
/// </summary>
public sealed class LoadTests
{
    private static readonly HandshakeRates AlwaysLoad = new(CheapRate: 0, CheapBurst: 0);

    [Fact]
    public void While_few_handshakes_come_nobody_is_asked_for_a_cookie()
    {
        using var pair = new TestPair();
        for (var i = 0; i < 100; i++)
        {
            pair.Left.Engine.BeginHandshake(pair.LeftPeer);
            pair.Advance(6_000);
        }

        Assert.Equal(0, pair.Right.Engine.Drops[WireGuardDrop.UnderLoad]);
    }

    [Fact]
    public void A_flood_from_spoofed_addresses_gets_cookies_and_no_work_and_a_known_peer_gets_through()
    {
        using var pair = new TestPair(new HandshakeRates(CheapRate: 50, CheapBurst: 50));
        using var flooder = new TestEnd("192.0.2.66:6", 66);
        flooder.Engine.BeginHandshake(flooder.Add(pair.Right.Key, pair.Right.Address));
        var initiation = Assert.Single(flooder.Outbox).Bytes;
        var worked = 0;
        var random = new Random(1);

        // 1,000 a second for ten seconds. The known peer begins in the middle of it, and tries again after five.
        for (var i = 0; i < 10_000; i++)
        {
            var source = TestEnd.At($"198.18.{random.Next(256)}.{random.Next(256)}:{random.Next(1, 65536)}");
            var drop = pair.Right.Receive(initiation, source).Drop;
            worked += drop == WireGuardDrop.UnknownPeer ? 1 : 0;
            Assert.True(drop is WireGuardDrop.UnknownPeer or WireGuardDrop.UnderLoad);
            foreach (var reply in pair.Right.Outbox.Where(datagram => datagram.To.Equals(source)))
            {
                Assert.Equal((MessageType.CookieReply, CookieMessage.Size), (reply.Type, reply.Bytes.Length));
            }

            if (i == 1_000)
            {
                pair.Left.Send(TestPair.ToRight(7));
            }

            pair.Advance(1);
        }

        Assert.InRange(worked, 50, 50 + (10 * 50));
        Assert.Equal(7, InnerPacket.NumberOf(Assert.Single(pair.AtRight)));
        Assert.Equal(1, pair.LeftPeer.Counters.CookiesIn);

        // A second after the flood, all is as before.
        pair.Advance(HandshakeLimit.LoadTime + 1_000);
        Assert.Equal(WireGuardDrop.UnknownPeer, pair.Right.Receive(initiation, flooder.Address).Drop);
    }

    [Fact]
    public void A_flood_that_pretends_to_be_responses_is_held_off_likewise()
    {
        using var pair = new TestPair(new HandshakeRates(CheapRate: 10, CheapBurst: 10));
        using var other = new TestEnd("192.0.2.66:6", 66);
        other.Engine.BeginHandshake(other.Add(pair.Left.Key, pair.Left.Address));

        // A response to somebody else, signed for the right end: only its mac1 is right.
        using var crypto = new HandshakeCrypto();
        var key = new byte[PublicKey.Size];
        pair.Right.Key.CopyTo(key);
        var response = new byte[ResponseMessage.Size];
        response[0] = 2;
        new CookieJar(crypto, key).Sign(response, ResponseMessage.Mac1, 0);
        var drops = Enumerable.Range(0, 100).Select(_ => pair.Right.Receive(response, other.Address).Drop).ToList();
        Assert.Equal(10, drops.Count(drop => drop == WireGuardDrop.NotAwaited));
        Assert.Equal(90, drops.Count(drop => drop == WireGuardDrop.UnderLoad));
    }

    [Fact]
    public void A_cookie_is_good_for_one_address_and_port_and_for_two_minutes()
    {
        using var crypto = new HandshakeCrypto();
        var key = TestEnd.NewPrivateKey(1);
        using var checker = new CookieChecker(crypto, new SeededRandom(1), key);
        var jar = new CookieJar(crypto, key);
        var message = new byte[InitiationMessage.Size];
        var reply = new byte[CookieMessage.Size];
        var source = TestEnd.At("192.0.2.1:1000");
        jar.Sign(message, InitiationMessage.Mac1, 0);
        Assert.True(checker.HasMac1(message, InitiationMessage.Mac1));
        Assert.False(checker.HasMac2(message, InitiationMessage.Mac1, source, 0));
        checker.WriteReply(message, InitiationMessage.Mac1, source, 0, reply);
        Assert.True(jar.Take(reply, 0));

        jar.Sign(message, InitiationMessage.Mac1, Protocol.CookieRefreshTime - 1);
        Assert.True(checker.HasMac2(message, InitiationMessage.Mac1, source, Protocol.CookieRefreshTime - 1));
        foreach (var other in new[] { "192.0.2.1:1001", "192.0.2.2:1000", "[::1]:1000" })
        {
            Assert.False(checker.HasMac2(message, InitiationMessage.Mac1, TestEnd.At(other), 10));
        }

        Assert.False(checker.HasMac2(message, InitiationMessage.Mac1, source, Protocol.CookieRefreshTime));
        jar.Sign(message, InitiationMessage.Mac1, Protocol.CookieRefreshTime);
        Assert.Equal(new byte[16], message[^16..]);
    }

    [Fact]
    public void A_cookie_is_taken_only_for_the_message_it_answers()
    {
        using var crypto = new HandshakeCrypto();
        var key = TestEnd.NewPrivateKey(1);
        using var checker = new CookieChecker(crypto, new SeededRandom(1), key);
        var jar = new CookieJar(crypto, key);
        var source = TestEnd.At("192.0.2.1:1000");
        var reply = new byte[CookieMessage.Size];
        var message = new byte[InitiationMessage.Size];
        Assert.False(jar.Take(reply, 0));
        jar.Sign(message, InitiationMessage.Mac1, 0);
        checker.WriteReply(message, InitiationMessage.Mac1, source, 0, reply);
        message[9] = 1;
        jar.Sign(message, InitiationMessage.Mac1, 0);
        Assert.False(jar.Take(reply, 0));
        checker.WriteReply(message, InitiationMessage.Mac1, source, 0, reply);
        Assert.True(jar.Take(reply, 0));
        Assert.False(jar.Take(reply, 0));
    }

    [Fact]
    public void Under_load_an_address_has_its_own_rate_and_all_together_have_one()
    {
        using var limit = new HandshakeLimit(
            new HandshakeRates(SourceRate: 20, SourceBurst: 5, TotalRate: 100, TotalBurst: 50)
        );
        var one = TestEnd.At("192.0.2.1:1");
        Assert.Equal(5, Admitted(limit, 100, now: 0, _ => one));
        Assert.Equal(20, Enumerable.Range(1, 1000).Sum(now => Admitted(limit, 3, now, _ => one)));

        // Another port is the same host, another address in its /64 too; another network is not.
        Assert.Equal(0, Admitted(limit, 10, now: 1000, i => TestEnd.At($"192.0.2.1:{i + 2}")));
        Assert.Equal(5, Admitted(limit, 10, now: 1000, i => TestEnd.At($"[2001:db8::{i + 1:x}]:1")));
        Assert.Equal(5, Admitted(limit, 10, now: 1000, _ => TestEnd.At("[2001:db8:0:1::1]:1")));
        Assert.Equal(5, Admitted(limit, 10, now: 1000, _ => TestEnd.At("192.0.2.2:1")));

        Assert.Equal(50, Admitted(limit, 200, now: 100_000, i => TestEnd.At($"198.51.100.{i}:1")));
        var admitted = Enumerable
            .Range(1, 1000)
            .Sum(now => Admitted(limit, 3, 100_000 + now, i => TestEnd.At($"198.18.{now % 256}.{i}:1")));
        Assert.Equal(100, admitted);
    }

    [Fact]
    public void Many_addresses_push_nobody_out_and_their_places_are_free_again_when_they_are_quiet()
    {
        using var limit = new HandshakeLimit(new HandshakeRates(TotalRate: 1_000_000, TotalBurst: 1_000_000));
        var known = TestEnd.At("192.0.2.1:1");
        Assert.Equal(4, Admitted(limit, 4, now: 0, _ => known));
        var admitted = Admitted(limit, 60_000, now: 1, i => TestEnd.At($"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}:1"));
        Assert.InRange(admitted, 5_000, 8_192);

        // It has its one token left, and no more.
        Assert.Equal(1, Admitted(limit, 4, now: 2, _ => known));
        admitted = Admitted(limit, 60_000, now: 1_000, i => TestEnd.At($"11.{i >> 16}.{(i >> 8) & 255}.{i & 255}:1"));
        Assert.InRange(admitted, 5_000, 8_192);
    }

    [Fact]
    public void A_peer_behind_a_host_that_is_always_under_load_is_connected_by_its_second_try()
    {
        using var pair = new TestPair(AlwaysLoad);
        pair.Left.Send(TestPair.ToRight(1));
        pair.Advance(4_000);
        Assert.Empty(pair.AtRight);
        pair.Advance(2_000);
        Assert.Single(pair.AtRight);
        Assert.Equal(
            [148, CookieMessage.Size, 148, ResponseMessage.Size, 96],
            pair.Recorded.Select(datagram => datagram.Bytes.Length)
        );
    }

    private static int Admitted(HandshakeLimit limit, int tries, long now, Func<int, Endpoint> source) =>
        Enumerable.Range(0, tries).Count(i => limit.Admit(source(i), now));
}
