// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Both ways of a tunnel in memory whose filter refuses instead of dropping in silence.</summary>
public sealed unsafe class RepliesTests : IDisposable
{
    private const int Magic = 16;

    private readonly PortFilter _filter = new(PortSet.Create([new PortRange(22)]));
    private readonly MemoryTun _tun = new();
    private readonly MemoryUdp _udp = new();
    private readonly Peer _peer = new();
    private readonly ClassicTransport _transport;
    private readonly Coalescer _coalescer = new();
    private readonly ReceiveBatch _messages = new();
    private readonly PacketBatch _packets = new();
    private readonly Replies _replies;
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;

    public RepliesTests()
    {
        _messages.Clear();
        _transport = new ClassicTransport("word", _udp, _peer, isServer: false, innerAddress: 0x0A00_0001);
        _peer.Move(MemoryUdp.Address("192.0.2.1:8000"));
        var own = new HostAddresses(() => [(0x0A000001u, 24)]);
        own.Refresh(0, force: true);
        _replies = new Replies(_transport, _udp, _tun, own) { Rejects = true };
        _outbound = new Outbound(_transport, _filter, _udp) { Replies = _replies };
        _inbound = new Inbound(_transport, _filter, Rules.None, _tun, _coalescer) { Replies = _replies };
    }

    /// <summary>To a port that is not allowed.</summary>
    private static TestPacket Forbidden => new() { DestinationPort = 80, Flags = TestPacket.Syn };

    /// <summary>Of a connection that nobody remembers.</summary>
    private static TestPacket Late =>
        new()
        {
            SourcePort = 22,
            DestinationPort = 40_000,
            Payload = [1, 2, 3],
        };

    public void Dispose()
    {
        _outbound.Dispose();
        _replies.Dispose();
        _transport.Dispose();
        _packets.Dispose();
        _messages.Dispose();
        _coalescer.Dispose();
        _filter.Dispose();
    }

    [Fact]
    public void Without_the_word_in_the_file_there_is_silence()
    {
        _replies.Rejects = false;
        Send(Forbidden);
        Receive(Late);
        Assert.Empty(_tun.Written);
        Assert.Empty(_udp.Sent);
    }

    [Fact]
    public void A_host_whose_connection_is_not_allowed_or_not_known_gets_a_reset()
    {
        Send(Forbidden);
        Send(Late);
        Assert.All(Answers, answer =>
        {
            Assert.Equal(6, answer[9]);
            Assert.NotEqual(0, answer[33] & TestPacket.Rst);
        });
        Assert.Equal([80, 40_000], Answers.Select(a => (int)Port(a, 20)));
        Assert.Empty(_udp.Sent);
        Assert.Equal((1, 1), (_outbound.Counters.Drops(DropReason.Port), _outbound.Counters.Drops(DropReason.NoFlow)));
    }

    [Fact]
    public void A_host_that_sends_a_datagram_to_a_port_that_is_not_allowed_is_told_that_nobody_is_there()
    {
        Send(Forbidden with { IsUdp = true });
        byte[] answer = Assert.Single(Answers);
        Assert.Equal((1, 3, 3), (answer[9], answer[20], answer[21]));
    }

    [Fact]
    public void A_peer_gets_its_answer_by_the_transport_and_only_one_that_its_own_filter_lets_pass()
    {
        Receive(Late);
        Receive(Forbidden);
        Receive(Forbidden with { IsUdp = true });
        Assert.Equal(3, _udp.Sent.Count);
        Assert.Empty(_tun.Written);
        using var theirs = new PortFilter(PortSet.Create([new PortRange(22)]));
        foreach (byte[] datagram in _udp.Sent)
        {
            fixed (byte* packet = datagram.AsSpan(Magic))
            {
                Assert.Equal(
                    DropReason.None,
                    theirs.Check(Direction.In, PacketView.Parse(packet, datagram.Length - Magic), 1)
                );
            }
        }

        Assert.Equal([6, 1, 1], _udp.Sent.Select(d => (int)d[Magic + 9]));
        Assert.Equal([13, 3], _udp.Sent.Skip(1).Select(d => (int)d[Magic + 21]));
    }

    [Fact]
    public void A_damaged_packet_from_a_peer_gets_no_answer()
    {
        byte[] packet = Late.Build();
        packet[^1] ^= 1;
        Receive(packet);
        Assert.Empty(_udp.Sent);
        Assert.Equal(1, _inbound.Counters.Drops(DropReason.NoFlow));
    }

    [Fact]
    public void The_broadcast_address_of_the_tunnel_is_not_answered()
    {
        Send(Forbidden with { IsUdp = true, Destination = 0x0A0000FF });
        Assert.Empty(_tun.Written);
    }

    [Fact]
    public void What_is_dropped_for_other_reasons_gets_no_answer()
    {
        Send(Forbidden with { Flags = TestPacket.Rst });
        Send([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        Assert.Empty(_tun.Written);
    }

    [Fact]
    public void A_flood_is_answered_so_often_and_no_more()
    {
        Send(Forbidden);
        byte[] packet = Forbidden.Build();
        for (int i = 0; i < 3 * Replies.PerSecond; i++)
        {
            Send(packet);
        }

        Assert.Equal(Replies.PerSecond, _tun.Written.Count);
    }

    private IEnumerable<byte[]> Answers => _tun.Written.Select(message => message[VirtioNetHeader.Size..]);

    private static ushort Port(byte[] packet, int at) => BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at));

    private void Send(TestPacket packet) => Send(packet.Build());

    private void Send(byte[] packet)
    {
        _packets.Clear();
        _packets.Add(packet);
        _outbound.Process(_packets, 5_000_000);
    }

    private void Receive(TestPacket packet) => Receive(packet.Build());

    private void Receive(byte[] packet)
    {
        byte[] datagram = [.. new byte[Magic], .. packet];
        fixed (byte* start = datagram)
        {
            _transport.Seal(start, packet.Length);
        }

        _messages.Clear();
        _messages.Put(datagram, 0, MemoryUdp.Address("192.0.2.1:8000"));
        _inbound.Process(_messages, 5_000_000);
    }
}
