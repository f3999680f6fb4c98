// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>What becomes of packets that are longer than the path carries, and how that is found out.</summary>
public sealed unsafe class PathMtuTests : IDisposable
{
    private const int Magic = 16;
    private const int Overhead = 20 + 8 + Magic;
    private const byte DestinationUnreachable = 3;
    private const byte FragmentationNeeded = 4;

    private readonly MemoryUdp _udp = new();
    private readonly MemoryTun _tun = new();
    private readonly Peer _peer = new() { LastHeard = 1 };
    private readonly ClassicTransport _transport;
    private readonly PortFilter _filter = new(PortSet.Create([new PortRange(22)]));
    private readonly Replies _replies;
    private readonly PathMtuDiscovery _paths;
    private readonly Outbound _outbound;
    private readonly PacketBatch _packets = new();

    public PathMtuTests()
    {
        _transport = new ClassicTransport("word", _udp, _peer, isServer: false, innerAddress: 0);
        _replies = new Replies(_transport, _udp, _tun, new HostAddresses(() => []));
        _paths = new PathMtuDiscovery(_transport, _udp);
        _outbound = new Outbound(_transport, _filter, _udp) { Replies = _replies, Paths = _paths };
        _peer.Move(MemoryUdp.Address("192.0.2.1:8000"));
    }

    public void Dispose()
    {
        _outbound.Dispose();
        _paths.Dispose();
        _replies.Dispose();
        _transport.Dispose();
        _packets.Dispose();
        _filter.Dispose();
    }

    [Fact]
    public void A_tcp_superpacket_is_cut_to_what_the_path_carries_and_its_sender_is_told()
    {
        Limit(1236);
        var spec = new TestPacket { Payload = new Random(1).Bytes(50_000) };

        Send(spec.VirtioHeader(1260), spec.BuildSuperpacket());

        AssertSent([.. NaiveSegmenter.Cut(spec.BuildSuperpacket(), 1196)]);
        AssertTold(1236);
        Assert.Equal(0, Dropped);
    }

    [Fact]
    public void A_tcp_packet_that_is_too_long_is_cut_as_well()
    {
        Limit(1236);
        var spec = new TestPacket { Payload = new Random(1).Bytes(1260) };

        Send(default, spec.Build());

        AssertSent([.. NaiveSegmenter.Cut(spec.BuildSuperpacket(), 1196)]);
        AssertTold(1236);
        Assert.Equal(0, Dropped);
    }

    [Fact]
    public void A_datagram_that_must_not_be_fragmented_is_dropped_counted_and_told()
    {
        Limit(1236);

        Send(default, new TestPacket { IsUdp = true, Payload = new byte[1236 - 28] }.Build());
        Assert.Single(_udp.Sent);
        Assert.Empty(_tun.Written);
        Send(default, new TestPacket { IsUdp = true, Payload = new byte[1236 - 27] }.Build());

        Assert.Single(_udp.Sent);
        AssertTold(1236);
        Assert.Equal(1, Dropped);
    }

    [Fact]
    public void A_superpacket_of_datagrams_is_dropped_as_a_whole_and_told()
    {
        Limit(1236);
        var spec = new TestPacket { IsUdp = true, Payload = new byte[5000] };

        Send(spec.VirtioHeader(1250), spec.BuildSuperpacket());

        Assert.Empty(_udp.Sent);
        AssertTold(1236);
        Assert.InRange(Dropped, 4, 5);
    }

    [Fact]
    public void A_datagram_that_may_be_fragmented_is_fragmented_inside()
    {
        Limit(1236);

        Send(
            default,
            new TestPacket
            {
                IsUdp = true,
                DontFragment = false,
                Payload = new byte[3000],
            }.Build()
        );

        Assert.Equal([1236, 1236, 596], _udp.Sent.Select(d => d.Length - Magic));
        Assert.Empty(_tun.Written);
        Assert.Equal(0, Dropped);
    }

    [Theory]
    [InlineData(1236, 1196)]
    [InlineData(int.MaxValue, 1260)]
    public void The_segment_size_of_a_syn_is_lowered_in_both_directions(int limit, int expected)
    {
        if (limit != int.MaxValue)
        {
            Limit(limit);
        }

        var syn = new TestPacket { Flags = TestPacket.Syn, TcpOptions = [2, 4, 1260 >> 8, 1260 & 255] };
        Send(default, syn.Build());
        Assert.Equal(expected, BinaryPrimitives.ReadUInt16BigEndian(_udp.Sent[^1].AsSpan(Magic + 42)));

        using var coalescer = new Coalescer();
        var inbound = new Inbound(_transport, _filter, Rules.None, _tun, coalescer) { Paths = _paths };
        using var messages = new UdpTunnel.Linux.ReceiveBatch();
        var answer = syn with
        {
            Flags = TestPacket.Syn | TestPacket.Ack,
            Source = syn.Destination,
            Destination = syn.Source,
            SourcePort = syn.DestinationPort,
            DestinationPort = syn.SourcePort,
        };
        _udp.Arrive([.. _udp.Sent[^1][..Magic], .. answer.Build()], 0, MemoryUdp.Address("192.0.2.1:8000"));
        Assert.True(_udp.Receive(messages));
        inbound.Process(messages, 1000);
        byte[] written = _tun.Written[^1][VirtioNetHeader.Size..];
        Assert.Equal(expected, BinaryPrimitives.ReadUInt16BigEndian(written.AsSpan(42)));
        fixed (byte* start = written)
        {
            Assert.True(Checksum.VerifyTransport(start, Ipv4Header.Tcp, 20, written.Length));
        }
    }

    [Fact]
    public void A_flood_of_packets_that_are_too_long_brings_no_flood_of_errors()
    {
        Limit(1236);
        byte[] packet = new TestPacket { IsUdp = true, Payload = new byte[1300] }.Build();
        for (var i = 0; i < 2 * Replies.PerSecond; i++)
        {
            Send(default, packet);
        }

        Assert.Equal(Replies.PerSecond, _tun.Written.Count);
        Assert.Equal(2 * Replies.PerSecond, Dropped);
    }

    [Theory]
    [InlineData(1300, 9000, 1300, 1344)]
    [InlineData(1300, 1280, 1236, 1280)]
    [InlineData(1300, 100, 532, 576)]
    public void The_path_is_found_out_by_echoes_to_where_packets_go(int mtu, int carries, int packets, int path)
    {
        _paths.SetMtu(mtu, isOpen: false);

        Run(carries, seconds: 2);

        Assert.Equal((packets, path), (_peer.Path.Mtu, _peer.Path.OuterMtu));
        Assert.Equal(packets < mtu, _peer.Path.IsLimited);
        Assert.Equal(packets < mtu ? packets : int.MaxValue, _peer.Path.Limit);
    }

    [Fact]
    public void Where_the_device_follows_the_path_longer_ones_are_tried()
    {
        _paths.SetMtu(1300, isOpen: true);
        Run(carries: 1500, seconds: 2);
        Assert.Equal((1456, 1500), (_peer.Path.Mtu, _peer.Path.OuterMtu));
    }

    [Fact]
    public void Without_packets_nothing_is_probed_and_with_short_ones_only_once()
    {
        _paths.SetMtu(1300, isOpen: false);
        Assert.Equal(long.MaxValue, _paths.Due);
        Run(carries: 1500, seconds: 60, payload: 100);
        Assert.Equal(3, _probes);
    }

    [Fact]
    public void Another_host_is_another_path()
    {
        _paths.SetMtu(1300, isOpen: false);
        Run(carries: 1280, seconds: 2);
        _peer.Move(MemoryUdp.Address("192.0.2.1:8001"));
        Run(carries: 1280, seconds: 8);
        Assert.True(_peer.Path.IsLimited);

        _peer.Move(MemoryUdp.Address("192.0.2.9:8000"));
        Run(carries: 1500, seconds: 8);
        Assert.Equal(1300, _peer.Path.Mtu);
        Assert.False(_peer.Path.IsLimited);
    }

    private long Dropped => _outbound.Counters.Drops(DropReason.FragmentationNeeded);

    private long _now = 1000;
    private int _probes;

    /// <summary>Sends a packet every 100 ms, over a path that drops what is longer than it carries.</summary>
    private void Run(int carries, int seconds, int payload = 600)
    {
        byte[] packet = new TestPacket { IsUdp = true, Payload = new byte[payload] }.Build();
        for (var end = _now + (seconds * 1000L); _now < end; _now += 10)
        {
            if (_now % 100 == 0)
            {
                _packets.Clear();
                _packets.Add(packet);
                _outbound.Process(_packets, _now);
            }

            if (_paths.Due <= _now)
            {
                _udp.TakeSent();
                _paths.Advance(_now);
                foreach (var (datagram, _) in _udp.TakeSent())
                {
                    _probes++;
                    if (datagram.Length - Magic + Overhead <= Math.Max(carries, 100))
                    {
                        Answer(datagram[Magic..]);
                    }
                }
            }
        }
    }

    private void Answer(byte[] packet)
    {
        // To the address of the packet, from where it came; the host changes the type.
        Assert.Equal([10, 0, 0, 1, 10, 0, 0, 2, 8], packet[12..21]);
        packet[20] = 0;
        fixed (byte* start = packet)
        {
            Assert.True(_paths.TryTakeAnswer(_peer, PacketView.Parse(start, packet.Length), _now));
        }
    }

    private void Limit(int mtu)
    {
        var search = new PathMtuSearch(100, 9000);
        while (search.Found == 0)
        {
            var sizes = search.Begin(0);
            for (var i = 0; i < sizes.Length; i++)
            {
                if (sizes[i] <= mtu)
                {
                    search.OnAnswer(i, 0);
                }
            }

            search.End(0);
        }

        _peer.Path.Publish(search, Overhead);
        Assert.Equal(mtu, _peer.Path.Limit);
    }

    private void Send(VirtioNetHeader header, byte[] packet)
    {
        _packets.Clear();
        _packets.Add(header, packet);
        _outbound.Process(_packets, _now);
    }

    private void AssertSent(params byte[][] packets) => Assert.Equal(packets, _udp.Sent.Select(d => d[Magic..]));

    private void AssertTold(int mtu)
    {
        byte[] error = Assert.Single(_tun.Written)[VirtioNetHeader.Size..];
        Assert.Equal((DestinationUnreachable, FragmentationNeeded), (error[20], error[21]));
        Assert.Equal(mtu, BinaryPrimitives.ReadUInt16BigEndian(error.AsSpan(26)));
    }
}
