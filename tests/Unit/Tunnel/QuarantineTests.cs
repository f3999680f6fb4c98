// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using static UdpTunnel.Tests.Tunnel.SecureNetwork;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Strangers who wait for a person, with a network in memory.</summary>
public sealed class QuarantineTests : IDisposable
{
    private const string ServerAddress = "192.0.2.1:51820";
    private const uint Server = 0x0A63_0001;
    private const uint Inner = 0x0A63_0009;

    private static readonly PortSet Ports = PortSet.Create([new PortRange(22, 22)]);

    // A first initiation is answered by a cookie; the next one comes after five seconds and some jitter.
    private static readonly TimeSpan TwoTries = TimeSpan.FromSeconds(6);

    private readonly SecureNetwork _network = new();
    private readonly SecretKey _serverKey = NewKey();
    private readonly SecureEnd _server;

    public QuarantineTests()
    {
        _server = new SecureEnd(_network, ServerAddress, _serverKey, Ports).Start();
        _server.Treat(UnknownPeers.Ask);
    }

    public void Dispose() => _network.Dispose();

    [Fact]
    public void A_stranger_completes_a_handshake_and_waits_and_nothing_of_it_passes_in_either_direction()
    {
        var (stranger, key) = Knock("192.0.2.9:1");

        var waiting = Assert.Single(_server.Status.PendingPeers);
        Assert.Equal((PublicOf(key).ToString(), PeerState.Pending), (waiting.PublicKey, waiting.State));
        Assert.Equal(("192.0.2.9:1", 1L), (waiting.Endpoint, waiting.Handshakes));
        Assert.Equal(["10.99.0.9"], waiting.UsedAddresses);
        Assert.Empty(_server.Status.Peers);

        stranger.Send(Syn(Inner, Server));
        _server.Send(Syn(Server, Inner));
        _network.Carry();
        Assert.Empty(_server.Received);
        Assert.Empty(stranger.Received);
        Assert.Equal(1, _server.Out.Drops(DropReason.NoRoute));

        // The initiation without a cookie, and two packets.
        Assert.Equal(3, _server.In.Drops(DropReason.UnknownPeer));
        _server.Protocol.Report(_network.Now);
        Assert.Equal(EventKind.PeerPending, Assert.Single(_server.Events.After(0)).Kind);
    }

    [Fact]
    public void Who_is_let_in_goes_on_with_the_session_that_is_there()
    {
        var (stranger, key) = Knock("192.0.2.9:1");

        _server.Apply(Peer(key, null, "10.99.0.9/32"));

        Assert.Empty(_server.Status.PendingPeers);
        stranger.Send(Syn(Inner, Server));
        _server.Send(Syn(Server, Inner));
        _network.Carry();
        Assert.Single(_server.Received);
        Assert.Single(stranger.Received);
        Assert.Equal((PeerState.Connected, 1L), (_server.StatusOf(0).State, _server.StatusOf(0).Handshakes));
    }

    [Fact]
    public void Without_the_word_ask_a_stranger_gets_no_answer_and_who_waits_is_forgotten()
    {
        Knock("192.0.2.9:1");
        _server.Treat(UnknownPeers.Ignore);
        Assert.Empty(_server.Status.PendingPeers);

        _network.Carried.Clear();
        var (stranger, _) = Knock("192.0.2.10:1");
        Assert.Empty(_server.Status.PendingPeers);
        Assert.DoesNotContain(_network.Carried, datagram => datagram[0] is 2 or 3);
        Assert.Empty(stranger.Received);
    }

    [Fact]
    public void Who_does_not_complete_the_handshake_is_not_shown_and_loses_the_place_soon()
    {
        // The response gets lost, as it does for a recorded initiation.
        _network.Way = datagram => datagram[0] == 2 ? null : datagram;
        for (var port = 1; port <= Quarantine.MostPerNetwork; port++)
        {
            _network.Remove(Knock($"192.0.2.9:{port}").End);
        }

        _network.Way = datagram => datagram;
        _network.Remove(Knock("192.0.2.9:77").End);
        Assert.Empty(_server.Status.PendingPeers);

        _network.Pass(TimeSpan.FromMilliseconds(Quarantine.HandshakeTime));
        _server.Protocol.Report(_network.Now);
        Knock("192.0.2.9:78");
        Assert.Single(_server.Status.PendingPeers);
    }

    [Fact]
    public void One_address_has_few_places_and_nobody_who_waits_is_pushed_out()
    {
        var keys = Enumerable.Range(1, 7).Select(port => Knock($"192.0.2.9:{port}").Key).ToList();
        var waiting = _server.Status.PendingPeers.Select(p => p.PublicKey).ToList();
        Assert.Equal(keys.Take(Quarantine.MostPerNetwork).Select(k => PublicOf(k).ToString()), waiting);

        Knock("198.51.100.9:1");
        Assert.Equal(Quarantine.MostPerNetwork + 1, _server.Status.PendingPeers.Count);
        _server.Protocol.Report(_network.Now);
        Assert.Contains(_server.Events.After(0), e => e.Limit == Limit.PendingPeers);
    }

    [Fact]
    public void All_together_have_a_bounded_number_of_places()
    {
        for (var i = 0; i < Quarantine.Most + 3; i++)
        {
            Begin($"198.51.{i}.9:1", out _);
        }

        _network.Pass(TwoTries);
        Assert.Equal(Quarantine.Most, _server.Status.PendingPeers.Count);
    }

    [Fact]
    public void Nobody_waits_for_longer_than_ten_minutes()
    {
        Knock("192.0.2.9:1");
        _network.Pass(TimeSpan.FromMilliseconds(Quarantine.WaitingTime));
        _server.Protocol.Report(_network.Now);
        Assert.Empty(_server.Status.PendingPeers);
    }

    [Fact]
    public void Who_was_denied_gets_no_answer_for_an_hour()
    {
        var (stranger, key) = Knock("192.0.2.9:1");
        _server.Protocol.Deny(PublicOf(key));
        Assert.Empty(_server.Status.PendingPeers);

        _network.Pass(TimeSpan.FromMinutes(4));
        _network.Carried.Clear();
        stranger.Send(Syn(Inner, Server));
        _network.Pass(TwoTries);
        Assert.DoesNotContain(_network.Carried, datagram => datagram[0] == 2);

        _network.Pass(TimeSpan.FromHours(1));
        stranger.Send(Syn(Inner, Server));
        _network.Pass(TwoTries);
        Assert.Single(_server.Status.PendingPeers);
    }

    [Fact]
    public void Who_is_let_in_once_goes_with_its_session()
    {
        var (stranger, key) = Knock("192.0.2.9:1");
        _server.Protocol.AdmitGuest(Peer(key, null, "10.99.0.9/32"));
        stranger.Send(Syn(Inner, Server));
        _network.Carry();
        Assert.Single(_server.Received);

        _network.Pass(TimeSpan.FromSeconds(179));
        _server.Protocol.Report(_network.Now);
        Assert.Single(_server.Status.Peers);

        _network.Pass(TimeSpan.FromSeconds(10));
        _server.Protocol.Report(_network.Now);
        Assert.Empty(_server.Status.Peers);
        Assert.Contains(_server.Events.After(0), e => e.Kind == EventKind.PeerRemoved);
    }

    [Fact]
    public void Addresses_of_both_families_are_noted_but_not_those_of_the_link_nor_without_end()
    {
        var (stranger, _) = Knock("192.0.2.9:1");
        var v6 = TestPacketFrom(Inner) with { IsV6 = true };
        stranger.Send(v6.Build());
        _network.Carry();
        var used = Assert.Single(_server.Status.PendingPeers).UsedAddresses;
        Assert.Equal(2, used.Count);
        Assert.Contains(':', used[1]);

        for (var i = 0u; i < 100; i++)
        {
            stranger.Send(Syn(0x0A63_0100 + i, Server));
            _network.Carry();
        }

        Assert.NotEqual("10.99.1.99", Assert.Single(_server.Status.PendingPeers).UsedAddresses[0]);
    }

    private static TestPacket TestPacketFrom(uint from) =>
        new()
        {
            Source = from,
            Destination = Server,
            SourcePort = 40_000,
            DestinationPort = 22,
            Flags = TestPacket.Syn,
        };

    private static byte[] Syn(uint from, uint to) => (TestPacketFrom(from) with { Destination = to }).Build();

    private (SecureEnd End, SecretKey Key) Knock(string address)
    {
        var end = Begin(address, out var key);
        _network.Pass(TwoTries);
        return (end, key);
    }

    private SecureEnd Begin(string address, out SecretKey key)
    {
        key = NewKey();
        var end = new SecureEnd(
            _network,
            address,
            key,
            Ports,
            Peer(_serverKey, ServerAddress, "10.99.0.0/24", "2001:db8::/64")
        ).Start();
        end.Send(Syn(Inner, Server));
        _network.Carry();
        return end;
    }
}
