using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class PeerClaimsTests
{
    private const uint Inner = 0x0A00_0002;

    private static readonly Endpoint Home = MemoryUdp.Address("192.0.2.1:40000");
    private static readonly Endpoint Cafe = MemoryUdp.Address("198.51.100.9:1234");
    private static readonly Endpoint Stranger = MemoryUdp.Address("203.0.113.66:6666");

    private readonly Peer _peer = new();
    private readonly List<uint> _asked = [];
    private readonly PeerClaims _claims;
    private long _now = 1_000_000;

    public PeerClaimsTests() => _claims = new PeerClaims(_peer, _asked.Add);

    private Endpoint Current => _peer.Current!.Endpoint;

    [Fact]
    public void Who_comes_first_is_the_peer_at_once()
    {
        Hear(Home);

        Assert.Equal(Home, Current);
        Assert.Equal(_now, _peer.LastHeard);
        Assert.Equal(0, _peer.Changes);
        Assert.Empty(_asked);
    }

    [Fact]
    public void A_peer_that_answers_keeps_its_place_however_often_a_stranger_sends()
    {
        Hear(Home, Inner);
        for (var i = 0; i < 1000; i++)
        {
            Pass(7);
            Hear(Stranger);
            Assert.Equal(Home, Current);
            if (_asked.Count > 0)
            {
                Pass(20);
                Hear(Home, Inner);
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
        Hear(Home, Inner);
        for (var i = 0; i < 10_000; i++)
        {
            Hear(Stranger);
        }

        Assert.Equal([Inner], _asked);
        Assert.Equal(Home, Current);
    }

    [Fact]
    public void A_client_that_roams_while_it_sends_is_followed_after_the_grace()
    {
        Hear(Home, Inner);
        for (long passed = 0; passed < PeerClaims.Grace; passed += 10)
        {
            Hear(Cafe, Inner);
            _claims.Settle(_now);
            Assert.Equal(Home, Current);
            Pass(10);
        }

        Hear(Cafe, Inner);
        _claims.Settle(_now);

        Assert.Equal(Cafe, Current);
        Assert.Equal(1, _peer.Changes);
        Assert.Equal(_now, _peer.LastHeard);
    }

    [Fact]
    public void A_client_that_roams_while_idle_and_sends_one_heartbeat_in_30_seconds_is_followed_by_that_one()
    {
        Hear(Home, Inner);
        Pass(30_000);
        Hear(Cafe);
        var heard = _now;
        _claims.Settle(_now);
        Assert.Equal(Home, Current);

        Pass(PeerClaims.Grace);
        _claims.Settle(_now);

        Assert.Equal(Cafe, Current);
        Assert.Equal(heard, _peer.LastHeard);
    }

    [Fact]
    public void Of_two_addresses_within_one_millisecond_the_first_is_no_answer()
    {
        Hear(Home, Inner);
        Pass(1000);
        Hear(Home, Inner);
        Hear(Cafe, Inner);

        Pass(PeerClaims.Grace);
        _claims.Settle(_now);

        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void An_answer_within_the_same_millisecond_is_an_answer()
    {
        Hear(Home, Inner);
        Hear(Stranger);
        Hear(Home, Inner);
        Pass(PeerClaims.Grace);

        _claims.Settle(_now);

        Assert.Equal(Home, Current);
        Assert.Equal(Stranger, _claims.TakeRefused());
    }

    [Fact]
    public void An_answer_that_waits_in_the_socket_behind_other_claims_is_heard_before_they_are_decided()
    {
        Hear(Home, Inner);
        Hear(Stranger);
        Pass(10 * PeerClaims.Grace);
        Hear(Stranger);
        Hear(Stranger);
        Hear(Home, Inner);

        _claims.Settle(_now);

        Assert.Equal(Home, Current);
        Assert.Equal(0, _peer.Changes);
    }

    [Fact]
    public void A_peer_that_answers_too_late_takes_its_place_back_without_asking()
    {
        Hear(Home, Inner);
        Hear(Stranger);
        Pass(PeerClaims.Grace);
        _claims.Settle(_now);
        Assert.Equal(Stranger, Current);

        Pass(500);
        Hear(Home);

        Assert.Equal(Home, Current);

        // The stranger was not displaced but driven out, and has to wait again.
        Hear(Stranger);
        Assert.Equal(Home, Current);
    }

    [Fact]
    public void A_refused_claim_is_over_and_the_next_one_is_asked_about_again()
    {
        Hear(Home, Inner);
        Hear(Stranger);
        Pass(50);
        Hear(Home, Inner);
        Pass(10_000);
        _claims.Settle(_now);
        Assert.Equal(Home, Current);

        Hear(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Settle(_now);

        Assert.Equal(Cafe, Current);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public void A_peer_of_which_only_heartbeats_are_known_is_not_asked_and_gives_way_to_who_goes_on()
    {
        Hear(Home);
        Hear(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Settle(_now);

        Assert.Empty(_asked);
        Assert.Equal(Cafe, Current);
    }

    [Fact]
    public void Among_several_claimants_the_last_one_is_taken()
    {
        Hear(Home, Inner);
        Hear(Stranger);
        Pass(100);
        Hear(Cafe);
        Pass(PeerClaims.Grace);
        _claims.Settle(_now);

        Assert.Equal(Cafe, Current);
    }

    private void Hear(Endpoint source, uint inner = 0) => _claims.Hear(source, inner, _now);

    private void Pass(long milliseconds) => _now += milliseconds;
}
