// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Packets;
using UdpTunnel.State;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;
using static UdpTunnel.Tests.Tunnel.SecureNetwork;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Secure tunnels from device to device, with both ways of the packets and a network in memory.</summary>
public sealed class SecureProtocolTests : IDisposable
{
    private const string ServerAddress = "192.0.2.1:51820";
    private const uint Server = 0x0A63_0001;
    private const uint Laptop = 0x0A63_0002;
    private const uint Phone = 0x0A63_0003;

    private static readonly PortSet Ports = PortSet.Create([new PortRange(22, 22), new PortRange(53, 53)]);

    private readonly SecureNetwork _network = new();
    private readonly SecretKey _serverKey = NewKey();
    private readonly SecretKey _laptopKey = NewKey();
    private readonly SecretKey _phoneKey = NewKey();
    private readonly SecureEnd _server;
    private readonly SecureEnd _laptop;
    private readonly SecureEnd _phone;

    public SecureProtocolTests()
    {
        _server = MakeServer().Start();
        var toServer = Peer(_serverKey, ServerAddress, "10.99.0.0/24", "2001:db8::/64");
        _laptop = new SecureEnd(_network, "192.0.2.2:40000", _laptopKey, Ports, toServer).Start();
        _phone = new SecureEnd(_network, "192.0.2.3:40000", _phoneKey, Ports, toServer).Start();
    }

    public void Dispose() => _network.Dispose();

    [Fact]
    public void Packets_and_cut_superpackets_wait_for_the_handshake_and_nothing_is_lost()
    {
        var packet = Syn(Laptop, Server);
        var super = Syn(Laptop, Server) with { Flags = TestPacket.Ack, Payload = Bytes(20_000) };
        _laptop.Send(packet.Build());
        _laptop.Send(super.VirtioHeader(1300), super.BuildSuperpacket());
        Assert.Equal(0, _laptop.Out.Packets);

        _network.Carry();

        byte[][] expected = [packet.Build(), .. NaiveSegmenter.Cut(super.BuildSuperpacket(), 1300)];
        Assert.Equal(Plain(expected), Plain(_server.Received));
        Assert.Equal(expected.Length, _laptop.Out.Packets);
        Assert.Equal(expected.Sum(p => p.Length), _laptop.Out.Bytes);
        Assert.Equal((expected.Length, (long)expected.Sum(p => p.Length)), (_server.In.Packets, _server.In.Bytes));
        Assert.Empty(DirectionCounters.Drops(_laptop.Out, _laptop.In));
        Assert.Empty(DirectionCounters.Drops(_server.Out, _server.In));
        Assert.Equal(PeerState.Connected, _laptop.StatusOf(0).State);
        Assert.Equal(expected.Length, _server.StatusOf(0).Traffic.PacketsIn);
        Assert.Equal(expected.Length, _laptop.StatusOf(0).Traffic.PacketsOut);
        Assert.Equal("192.0.2.2:40000", _server.StatusOf(0).Endpoint);
    }

    [Fact]
    public void Superpackets_of_both_versions_go_through_a_session_as_packets_of_the_right_size()
    {
        Connect(_laptop, Laptop);
        foreach (var isV6 in (bool[])[false, true])
        {
            var super = Syn(Laptop, Server) with { IsV6 = isV6, Flags = TestPacket.Ack, Payload = Bytes(30_000) };
            _server.Tun.Written.Clear();
            _laptop.Send(super.VirtioHeader(1200), super.BuildSuperpacket());
            _network.Carry();
            Assert.Equal(Plain(NaiveSegmenter.Cut(super.BuildSuperpacket(), 1200)), Plain(_server.Received));
        }
    }

    [Fact]
    public void A_packet_from_an_address_of_another_peer_goes_no_further_and_is_counted()
    {
        Connect(_laptop, Laptop);
        _laptop.Send(Syn(Phone, Server).Build());
        _network.Carry();

        Assert.Equal(1, _server.In.Drops(DropReason.WrongSource));
        Assert.Equal((DropReason.WrongSource, 1L), Assert.Single(_server.StatusOf(0).Drops));
        Assert.Single(_server.Received);
    }

    [Fact]
    public void A_packet_to_nobodys_address_is_dropped_and_named()
    {
        _server.Send(Syn(Server, 0x0A63_0063).Build());
        Assert.Equal(1, _server.Out.Drops(DropReason.NoRoute));

        _server.Send(Syn(Server, Phone).Build());
        Assert.Equal(1, _server.Out.Drops(DropReason.NoPeer));
    }

    [Fact]
    public void What_an_IPv6_device_says_of_itself_goes_nowhere_and_is_counted_apart()
    {
        // A router solicitation (RFC 4861, section 4.1) from fe80::1 to ff02::2.
        byte[] packet =
        [
            0x60,
            0,
            0,
            0,
            0,
            8,
            58,
            255,
            0xFE,
            0x80,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            0xFF,
            2,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            2,
            133,
            0,
            0x7B,
            0xB4,
            0,
            0,
            0,
            0,
        ];
        _server.Send(packet);

        Assert.Equal(1, _server.Out.Drops(DropReason.LinkControl));
        Assert.Equal(0, _server.Out.Drops(DropReason.NoRoute));
    }

    [Fact]
    public void What_is_replayed_forged_or_of_a_stranger_is_dropped_counted_and_answered_with_silence()
    {
        Connect(_laptop, Laptop);
        var recorded = _network.Carried.ToList();
        _network.Carried.Clear();
        foreach (var datagram in recorded)
        {
            _server.Udp.Arrive(datagram, 0, _laptop.Address);
        }

        var forged = recorded.Last(d => d[0] == 4).ToArray();
        forged[8] += 100;
        _server.Udp.Arrive([.. forged], 0, _laptop.Address);
        forged[4] ^= 1;
        _server.Udp.Arrive(forged, 0, _laptop.Address);
        _server.ReceiveAll();
        Assert.True(_server.In.Drops(DropReason.Replayed) > 0);
        var late = _server.In.Drops(DropReason.HandshakeReplayed) + _server.In.Drops(DropReason.HandshakeUnexpected);
        Assert.Equal(1, late);
        Assert.Equal(1, _server.In.Drops(DropReason.WrongKey));
        Assert.Equal(1, _server.In.Drops(DropReason.NotAuthentic));
        Assert.Equal(1, _server.In.Drops(DropReason.NoSession));

        using var stranger = new SecureEnd(
            _network,
            "192.0.2.9:1",
            NewKey(),
            Ports,
            Peer(_serverKey, ServerAddress, "10.99.0.0/24")
        );
        stranger.Start().Send(Syn(Laptop, Server).Build());
        _network.Carry();
        Assert.Equal(1, _server.In.Drops(DropReason.UnknownPeer));

        Assert.Empty(_server.Udp.TakeSent());
        Assert.Single(_server.Received);
    }

    [Fact]
    public void A_peer_cannot_answer_in_another_ones_flow()
    {
        // The phone is allowed the laptop's address as well, by a longer prefix that comes later.
        Connect(_laptop, Laptop);
        Connect(_phone, Phone);
        _server.Send(Syn(Server, Laptop).Build());
        _network.Carry();
        Assert.Equal(1, _laptop.In.Packets);

        _server.Apply(Peer(_laptopKey, null, "10.99.0.9/32"), Peer(_phoneKey, null, "10.99.0.2/32", "10.99.0.3/32"));
        var answer = new TestPacket
        {
            Source = Laptop,
            Destination = Server,
            SourcePort = 22,
            DestinationPort = 40_000,
            Flags = TestPacket.Ack,
        };
        _phone.Apply(Peer(_serverKey, ServerAddress, "10.99.0.0/24") with { AllowedPorts = PortSet.All });
        _phone.Send(answer.Build());
        _network.Carry();
        Assert.Equal(1, _server.In.Drops(DropReason.NoFlow));
    }

    [Fact]
    public void Ports_of_a_peer_count_for_that_peer_alone()
    {
        _server.Apply(
            Peer(_laptopKey, null, "10.99.0.2/32", "2001:db8::a63:2/128") with
            {
                AllowedPorts = PortSet.Create([new PortRange(80, 80)]),
            },
            Peer(_phoneKey, null, "10.99.0.3/32", "2001:db8::a63:3/128")
        );
        Connect(_phone, Phone);
        _laptop.Send(Syn(Laptop, Server).Build());
        _network.Carry();
        Assert.Equal(1, _server.In.Drops(DropReason.Port));
        Assert.Single(_server.Received);

        _server.Apply(Peer(_laptopKey, null, "10.99.0.2/32"), Peer(_phoneKey, null, "10.99.0.3/32"));
        _laptop.Send(Syn(Laptop, Server).Build());
        _network.Carry();
        Assert.Equal(2, _server.Received.Count);
    }

    [Fact]
    public void A_peer_that_moves_is_followed_and_reported()
    {
        Connect(_laptop, Laptop);
        _server.Protocol.Report(_network.Now);
        _laptop.Address = MemoryUdp.Address("198.51.100.7:9");
        _laptop.Send(Syn(Laptop, Server).Build());
        _network.Carry();
        _server.Protocol.Report(_network.Now);

        Assert.Equal("198.51.100.7:9", _server.StatusOf(0).Endpoint);
        Assert.Equal([EventKind.PeerAdopted, EventKind.PeerMoved], _server.Events.After(0).Select(e => e.Kind));
        _server.Send(Syn(Server, Laptop).Build());
        _network.Carry();
        Assert.Equal(1, _laptop.In.Packets);
    }

    [Fact]
    public void Peers_come_and_go_while_the_others_lose_nothing()
    {
        Connect(_laptop, Laptop);
        var handshakes = _server.StatusOf(0).Handshakes;
        _server.Apply(Peer(_laptopKey, null, "10.99.0.2/32"));
        Assert.Equal("", string.Concat(_server.StatusOf(0).Drops));
        _phone.Send(Syn(Phone, Server).Build());
        _network.Carry();
        Assert.Equal(1, _server.In.Drops(DropReason.UnknownPeer));

        _laptop.Send(Syn(Laptop, Server).Build());
        _network.Carry();
        Assert.Equal(2, _server.Received.Count);

        _server.Apply(Peer(_laptopKey, null, "10.99.0.2/32"), Peer(_phoneKey, null, "10.99.0.3/32"));
        _network.Pass(TimeSpan.FromSeconds(6));
        Assert.Equal(3, _server.Received.Count);
        Assert.Equal(handshakes, _server.StatusOf(0).Handshakes);
        Assert.Equal(2, _server.Protocol.Peers.Select(p => p.Number).Distinct().Count());
    }

    [Fact]
    public void An_end_that_restarts_begins_the_handshake_itself_and_takes_nothing_recorded_for_new()
    {
        Connect(_laptop, Laptop);
        var recorded = _network.Carried.First(d => d[0] == 1);
        _network.Pass(TimeSpan.FromSeconds(1));
        var session = _server.Protocol.Save(new Session(DateTimeOffset.UtcNow, null, []));
        session = SessionText.Read(SessionText.Write(session))!;
        _network.Remove(_server);

        var restarted = MakeServer().Start(session);
        _network.Carry();

        Assert.Equal(PeerState.Connected, restarted.StatusOf(0).State);
        Assert.Equal(PeerState.Waiting, restarted.StatusOf(1).State);
        restarted.Udp.Arrive(recorded, 0, _laptop.Address);
        restarted.ReceiveAll();
        Assert.Equal(1, restarted.In.Drops(DropReason.HandshakeReplayed));
        _laptop.Send(Syn(Laptop, Server).Build());
        _network.Carry();
        Assert.Single(restarted.Received);
    }

    [Fact]
    public void A_peer_that_does_not_answer_is_given_up_and_reported_once_and_what_waited_is_counted()
    {
        _network.Way = _ => null;
        _laptop.Send(Syn(Laptop, Server).Build(), Syn(Laptop, Server).Build());
        Assert.Equal(PeerState.Connecting, _laptop.StatusOf(0).State);
        _network.Pass(TimeSpan.FromSeconds(110));
        _laptop.Protocol.Report(_network.Now);

        Assert.Equal(PeerState.Unreachable, _laptop.StatusOf(0).State);
        Assert.Equal(2, _laptop.Out.Drops(DropReason.HandshakeFailed));
        Assert.Equal(EventKind.PeerUnreachable, Assert.Single(_laptop.Events.After(0)).Kind);
        Assert.Equal(1, _laptop.StatusOf(0).HandshakesFailed);

        _network.Way = datagram => datagram;
        Connect(_laptop, Laptop);
        Assert.Equal(PeerState.Connected, _laptop.StatusOf(0).State);
    }

    [Fact]
    public void An_end_with_its_own_key_as_a_peer_does_not_start()
    {
        var refused = Assert.Throws<RequestException>(() =>
            new SecureEnd(_network, "192.0.2.9:1", _laptopKey, Ports, Peer(_laptopKey, null, "10.0.0.0/8"))
        );
        Assert.Contains("own public key", refused.Message, StringComparison.Ordinal);
    }

    private static TestPacket Syn(uint from, uint to) =>
        new()
        {
            Source = from,
            Destination = to,
            SourcePort = 40_000,
            DestinationPort = 22,
            Flags = TestPacket.Ack,
        };

    /// <summary>Without what coalescing may change: the id of packets that may not be fragmented.</summary>
    private static IEnumerable<string> Plain(IEnumerable<byte[]> packets) =>
        packets.Select(packet =>
        {
            byte[] copy = [.. packet];
            if (copy[0] >> 4 == 4)
            {
                copy[4] = copy[5] = copy[10] = copy[11] = 0;
            }

            return Convert.ToHexString(copy);
        });

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    private SecureEnd MakeServer() =>
        new(
            _network,
            ServerAddress,
            _serverKey,
            Ports,
            Peer(_laptopKey, null, "10.99.0.2/32", "2001:db8::a63:2/128"),
            Peer(_phoneKey, null, "10.99.0.3/32", "2001:db8::a63:3/128")
        );

    private void Connect(SecureEnd end, uint from)
    {
        end.Send(Syn(from, Server).Build());
        _network.Carry();
        Assert.Equal(PeerState.Connected, end.StatusOf(0).State);
    }
}
