// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class PeerClaimsTests
{
    private const uint Inner = 0x0A00_0002;
    private const int Datagram = 100;

    private static readonly Endpoint Home = MemoryUdp.Address("192.0.2.1:40000");
    private static readonly Endpoint Cafe = MemoryUdp.Address("198.51.100.9:1234");
    private static readonly Endpoint Stranger = MemoryUdp.Address("203.0.113.66:6666");

    private readonly Peer _peer = new();
    private readonly List<uint> _asked = [];
    private readonly PeerClaims _claims;
    private bool _keepsErrors;
    private long _now = 1_000_000;

    public PeerClaimsTests() =>
        _claims = new PeerClaims(_peer, (_, inner) => _asked.Add(inner), keep => _keepsErrors = keep);

    private Endpoint Current => _peer.Current!.Endpoint;

    [Fact]
    public void Who_comes_first_is_the_peer_at_once()
    {
        OnHeard(Home);

        Assert.Equal(Home, Current);
        Assert.Equal(_now, _peer.LastHeard);
        Assert.Equal(0, _peer.Changes);
        Assert.Empty(_asked);
    }

    [Fact]
    public void A_peer_that_answers_keeps_its_place_however_often_a_stranger_sends()
    {
        Prove(Home, Inner);
        for (var i = 0; i < 1000; i++)
        {
            Pass(7);
            OnHeard(Stranger);
            Assert.Equal(Home, Current);
            if (_asked.Count > 0)
            {
                Pass(20);
                OnHeard(Home, Inner);
                _asked.Clear();
            }
        }

        Assert.Equal(0, _peer.Changes);
        Assert.Equal(Stranger, _claims.TakeRefused());
        Assert.True(_claims.TakeRefused().IsNone);
    }

    [Fact]
    public void A_stranger_s_flood_costs_the_peer_one_question_for_each_grace()
    {
        Prove(Home, Inner);
        for (var i = 0; i < 10_000; i++)
        {
            OnHeard(Stranger);
        }

        Assert.Equal([Inner], _asked);
        Assert.Equal(Home, Current);
    }

    [Fact]
    public void A_client_that_roams_while_it_sends_is_followed_after_the_grace()
    {
        Prove(Home, Inner);
        for (long passed = 0; passed < PeerClaims.Grace; passed += 10)
        {
            OnHeard(Cafe, Inner);
            _claims.Resolve(_now);
            Assert.Equal(Home, Current);
            Pass(10);
        }

        OnHeard(Cafe, Inner);
        _claims.Resolve(_now);

        Assert.Equal(Cafe, Current);
        Assert.Equal(1, _peer.Changes);
        Assert.Equal(_now, _peer.LastHeard);
    }

    [Fact]
    public void A_client_that_roams_while_idle_and_sends_one_heartbeat_in_30_seconds_is_followed_by_that_one()
    {
        Prove(Home, Inner);
        Pass(30_000);
        OnHeard(Cafe);
        var heard = _now;
        _claims.Resolve(_now);
        Assert.Equal(Home, Current);

        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);

        Assert.Equal(Cafe, Current);
        Assert.Equal(heard, _peer.LastHeard);
    }

    [Fact]
    public void Of_two_addresses_within_one_millisecond_the_first_is_no_answer()
    {
        Prove(Home, Inner);
        Pass(1000);
        OnHeard(Home, Inner);
        OnHeard(Cafe, Inner);

        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);

        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void An_answer_within_the_same_millisecond_is_an_answer()
    {
        Prove(Home, Inner);
        OnHeard(Stranger);
        OnHeard(Home, Inner);
        Pass(PeerClaims.Grace);

        _claims.Resolve(_now);

        Assert.Equal(Home, Current);
        Assert.Equal(Stranger, _claims.TakeRefused());
    }

    [Fact]
    public void An_answer_that_waits_in_the_socket_behind_other_claims_is_heard_before_they_are_decided()
    {
        Prove(Home, Inner);
        OnHeard(Stranger);
        Pass(10 * PeerClaims.Grace);
        OnHeard(Stranger);
        OnHeard(Stranger);
        OnHeard(Home, Inner);

        _claims.Resolve(_now);

        Assert.Equal(Home, Current);
        Assert.Equal(0, _peer.Changes);
    }

    [Fact]
    public void A_peer_that_answers_too_late_takes_its_place_back_without_asking()
    {
        Prove(Home, Inner);
        OnHeard(Stranger);
        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);
        Assert.Equal(Stranger, Current);

        Pass(500);
        OnHeard(Home);

        Assert.Equal(Home, Current);

        // The stranger was not displaced but driven out, and has to wait again.
        OnHeard(Stranger);
        Assert.Equal(Home, Current);
    }

    [Fact]
    public void A_refused_claim_is_over_and_the_next_one_is_asked_about_again()
    {
        Prove(Home, Inner);
        OnHeard(Stranger);
        Pass(50);
        OnHeard(Home, Inner);
        Pass(10_000);
        _claims.Resolve(_now);
        Assert.Equal(Home, Current);

        OnHeard(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);

        // The known peer twice, and then who came in its place.
        Assert.Equal(Cafe, Current);
        Assert.Equal(3, _asked.Count);
    }

    [Fact]
    public void A_peer_of_which_only_heartbeats_are_known_is_not_asked_and_gives_way_to_who_goes_on()
    {
        Prove(Home);
        OnHeard(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);

        Assert.Empty(_asked);
        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void Among_several_claimants_the_last_one_is_taken()
    {
        Prove(Home, Inner);
        OnHeard(Stranger);
        Pass(100);
        OnHeard(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);

        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void A_peer_that_has_not_answered_gets_little_and_more_only_for_what_it_sends()
    {
        OnHeard(Home);
        var proof = Address.Proof;
        Assert.NotNull(proof);
        Assert.True(_keepsErrors);
        Assert.True(proof.TrySpend(PeerProof.FirstAllowance));
        Assert.True(proof.TrySpend(3 * Datagram));
        Assert.False(proof.TrySpend(1));

        OnHeard(Home);
        Assert.True(proof.TrySpend(3 * Datagram));
        Assert.False(proof.TrySpend(1));

        OnHeard(Home, Inner, isAnswer: true);
        Assert.Null(Address.Proof);
        Assert.False(_keepsErrors);
    }

    [Fact]
    public void A_peer_that_has_not_answered_refuses_no_claim_by_what_it_sends()
    {
        OnHeard(Stranger, Inner);
        OnHeard(Cafe);
        Pass(100);
        OnHeard(Stranger, Inner);
        Pass(PeerClaims.Grace);
        OnHeard(Stranger, Inner);
        _claims.Resolve(_now);

        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void A_claimant_whose_host_has_nobody_at_the_port_gives_the_place_back()
    {
        Prove(Home, Inner);
        Displace(Stranger);
        _claims.OnPortUnreachable(Cafe, _now);
        Assert.Equal(Stranger, Current);

        _claims.OnPortUnreachable(Stranger, _now);
        Assert.Equal(Home, Current);

        // It did not answer, so it has to prove that it is there, and is asked at its own inner address.
        Assert.NotNull(Address.Proof);
        Assert.True(_keepsErrors);
        _asked.Clear();
        OnHeard(Home);
        Assert.Equal([Inner], _asked);
        OnHeard(Home, isAnswer: true);
        Assert.Null(Address.Proof);
        Assert.False(_keepsErrors);

        // What anybody can send says nothing against a peer that has answered.
        _claims.OnPortUnreachable(Home, _now);
        Assert.Equal(Home, Current);
        Assert.Null(Address.Proof);
    }

    [Fact]
    public void The_first_claimant_of_all_leaves_nobody_behind()
    {
        OnHeard(Stranger);
        _claims.OnPortUnreachable(Stranger, _now);
        Assert.Null(_peer.Current);

        OnHeard(Home);
        Assert.Equal(Home, Current);
    }

    [Fact]
    public void One_forged_source_after_the_other_gets_no_stream()
    {
        long spent = 0;
        for (var i = 0; i < 1000; i++)
        {
            OnHeard(MemoryUdp.Address($"203.0.113.{i % 250}:{1000 + i}"));
            Pass(PeerClaims.Grace);
            _claims.Resolve(_now);
            for (; Address.Proof!.TrySpend(100); spent += 100) { }
        }

        // 300 s: what came in counts three times, and beyond that little.
        Assert.InRange(spent, 4096, (3 * 1000 * Datagram) + 8192 + (300 * 256) + 100_000);
        Assert.True(spent < 1000 * PeerProof.FirstAllowance / 4, $"{spent} bytes");
    }

    [Fact]
    public void A_displaced_peer_is_as_proven_as_it_was_and_its_own_inner_address_is_asked()
    {
        const uint Chosen = 0x0A00_004D;
        Prove(Home, Inner);
        Displace(Stranger);
        OnHeard(Stranger, Chosen);
        OnHeard(Home);
        Assert.Equal(Home, Current);
        Assert.Null(Address.Proof);
        _asked.Clear();

        OnHeard(Stranger, Chosen);

        Assert.Equal([Inner], _asked);
    }

    [Fact]
    public void An_inner_address_that_somebody_slips_in_is_asked_beside_the_first_one()
    {
        const uint Chosen = 0x0A00_004D;
        Prove(Home, Inner);
        OnHeard(Home, Chosen);
        OnHeard(Stranger);

        Assert.Equal([Inner, Chosen], _asked);
    }

    [Fact]
    public void A_claimant_is_asked_at_the_inner_address_of_who_was_there_before_and_at_its_own()
    {
        Prove(Home, Inner);
        Displace(Cafe);
        Assert.Equal([Inner, Inner], _asked);
        _asked.Clear();

        OnHeard(Cafe, Inner + 1);
        OnHeard(Cafe, Inner + 1);
        Assert.Equal([Inner + 1], _asked);
        Pass(1000);
        OnHeard(Cafe, Inner + 1);
        Assert.Equal([Inner + 1, Inner + 1], _asked);
    }

    [Fact]
    public void A_peer_that_answers_pings_and_falls_silent_while_it_is_sent_to_has_to_prove_itself_again()
    {
        Prove(Home, Inner);
        AnswerPing();
        var from = _now;
        while (Address.Proof is null)
        {
            Pass(10);
            _claims.OnSending(_now);
            Assert.InRange(_now - from, 0, PeerClaims.Silence + 100);
        }

        Assert.InRange(_asked.Count, 3, 4);
        Assert.Equal(Cafe, Current);
        Assert.Equal(1, _peer.Changes);

        // It may be back and say nothing by itself, while there is something to send.
        _asked.Clear();
        for (var i = 0; i < 500; i++)
        {
            Pass(10);
            _claims.OnSending(_now);
        }

        Assert.InRange(_asked.Count, 4, 6);
        OnHeard(Cafe, Inner, isAnswer: true);
        Assert.Null(Address.Proof);
    }

    [Fact]
    public void A_peer_that_is_heard_or_not_sent_to_is_not_taken_for_away()
    {
        Prove(Home, Inner);
        AnswerPing();
        for (var i = 0; i < 500; i++)
        {
            Pass(10);
            _claims.OnSending(_now);
            if (i % 40 == 39)
            {
                OnHeard(Cafe);
            }
        }

        Assert.Null(Address.Proof);
        for (var i = 0; i < 20; i++)
        {
            Pass(5000);
            _claims.OnSending(_now);
        }

        Assert.Null(Address.Proof);
    }

    [Fact]
    public void The_silence_of_a_peer_that_never_answered_a_ping_says_nothing()
    {
        Prove(Home, Inner);
        for (var i = 0; i < 500; i++)
        {
            Pass(10);
            _claims.OnSending(_now);
        }

        Assert.Empty(_asked);
        Assert.Null(Address.Proof);
    }

    /// <summary>As the worker finds it: in the packets of a peer that has still something to prove.</summary>
    private unsafe void AnswerPing()
    {
        var packet = new byte[UdpTunnel.Packets.EchoRequest.Length];
        Displace(Cafe);
        fixed (byte* start = packet)
        {
            var proof = Address.Proof!;
            UdpTunnel.Packets.EchoRequest.Write(start, 1, 2, proof.Number);
            start[20] = 0;
            Assert.True(proof.IsAnswer(PacketView.Parse(start, packet.Length)));
        }

        OnHeard(Cafe, Inner, isAnswer: true);
        _asked.Clear();
    }

    private Peer.Address Address => _peer.Current!;

    private void Displace(Endpoint by)
    {
        OnHeard(by);
        Pass(PeerClaims.Grace);
        _claims.Resolve(_now);
        Assert.Equal(by, Current);
    }

    private void OnHeard(Endpoint source, uint inner = 0, bool isAnswer = false) =>
        _claims.OnDatagram(source, inner, Datagram, isAnswer, _now);

    /// <summary>The first peer comes, and proves that it is there.</summary>
    private void Prove(Endpoint source, uint inner = 0)
    {
        OnHeard(source, inner);
        OnHeard(source, inner, isAnswer: true);
        _asked.Clear();
    }

    private void Pass(long milliseconds) => _now += milliseconds;
}
