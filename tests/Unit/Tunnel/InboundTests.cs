// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed unsafe class InboundTests : IDisposable
{
    private const long Now = 5_000_000;
    private static readonly Endpoint Home = MemoryUdp.Address("192.0.2.1:40000");
    private static readonly Endpoint Cafe = MemoryUdp.Address("198.51.100.9:1234");

    private readonly ClassicWireFormat _wire = new("word");
    private readonly PortFilter _filter = new(PortSet.Create([new PortRange(22)]));
    private readonly MemoryTun _tun = new();
    private readonly Peer _peer = new();
    private readonly ReceiveBatch _messages = new();
    private readonly MemoryUdp _udp = new();
    private readonly ClassicTransport _transport;
    private readonly Coalescer _coalescer = new();
    private readonly Inbound _inbound;

    public InboundTests()
    {
        _messages.Clear();
        _transport = new ClassicTransport("word", _udp, _peer, isServer: true, innerAddress: 0x0A00_0001);
        _inbound = new Inbound(_transport, _filter, Rules.None, _tun, _coalescer);
    }

    /// <summary>The inner addresses that an echo request was sent to.</summary>
    private IEnumerable<uint> Asked =>
        _udp.Sent.Where(d => d.Length > 16).Select(d => BinaryPrimitives.ReadUInt32BigEndian(d.AsSpan(16 + 16)));

    public void Dispose()
    {
        _transport.Dispose();
        _coalescer.Dispose();
        _messages.Dispose();
        _filter.Dispose();
    }

    [Fact]
    public void A_packet_goes_to_the_device_as_it_came()
    {
        var packet = new TestPacket { Payload = [1, 2, 3] }.Build();
        Put(Sealed(packet));

        Process();

        PacketLists.AssertSame(
            [
                [.. new byte[VirtioNetHeader.Size], .. packet],
            ],
            _tun.Written
        );
        AssertCounted(1, packet.Length);
        Assert.Equal(Now, _peer.LastHeard);
    }

    [Fact]
    public void A_heartbeat_is_counted_and_reaches_no_device()
    {
        Put(Sealed([]));
        Put(Sealed([]));

        Process();

        Assert.Equal(2, _inbound.Heartbeats);
        Assert.Empty(_tun.Written);
        AssertCounted(0, 0);
        Assert.Equal(Now, _peer.LastHeard);
    }

    [Fact]
    public void What_does_not_show_the_magic_is_dropped_and_changes_nothing()
    {
        var packet = new TestPacket().Build();
        var wrong = Sealed(packet);
        wrong[15] ^= 1;
        Put(wrong);
        Put(packet);
        Put([]);
        Put(Sealed([])[..15]);

        Process();

        AssertCounted(0, 0, (DropReason.Magic, 4));
        Assert.Equal(0, _peer.LastHeard);
        Assert.Null(_peer.Current);
    }

    [Fact]
    public void A_server_takes_whom_it_hears_first_and_asks_it_when_somebody_else_shows_the_magic()
    {
        Put(Sealed(new TestPacket { Source = 0x0A00_0002 }.Build()), Home);
        Process();
        Assert.Equal(Home, _peer.Current!.Endpoint);
        var first = _peer.Current;

        // It is asked whether it gets what is sent to it.
        Assert.Equal([0x0A00_0002u], Asked);
        _udp.Sent.Clear();

        // The same again is no move, and takes no memory; what does not show the magic is no claim.
        Put(Sealed([]), Home);
        Put([.. new byte[50]], Cafe);
        Process();
        Assert.Same(first, _peer.Current);
        Assert.Empty(Asked);

        Put(Sealed([]), Cafe);
        Process();
        Assert.Same(first, _peer.Current);
        Assert.Equal([0x0A00_0002u], Asked);
    }

    [Fact]
    public void What_only_the_filter_drops_says_nothing_of_the_peer_s_inner_address()
    {
        Put(Sealed(new TestPacket { SourcePort = 1, DestinationPort = 1 }.Build()), Home);
        Put(Sealed([]), Cafe);

        Process();

        Assert.Equal(Home, _peer.Current!.Endpoint);
        Assert.Empty(Asked);
    }

    [Fact]
    public void A_client_s_peer_is_the_server_it_was_told_and_nobody_else()
    {
        using var coalescer = new Coalescer();
        using var transport = new ClassicTransport("word", _udp, _peer, isServer: false, innerAddress: 0);
        var inbound = new Inbound(transport, _filter, Rules.None, _tun, coalescer);
        Put(Sealed(new TestPacket().Build()), Cafe);
        inbound.Process(_messages, Now);
        Assert.Null(_peer.Current);

        _peer.Move(Home);
        inbound.Process(_messages, Now);
        Assert.Equal(Home, _peer.Current!.Endpoint);
        Assert.Equal(Now, _peer.LastHeard);
    }

    [Fact]
    public void A_run_is_cut_into_its_datagrams_and_its_packets_go_as_one()
    {
        var packets = CoalescerTests.Train(new TestPacket(), [1000, 1000, 1000, 1000, 300]);
        Put([.. packets.SelectMany(Sealed)], datagramSize: 1000 + 40 + 16);

        Process();

        var message = Assert.Single(_tun.Written);
        Assert.True(NaiveDevice.IsMerged(message));
        PacketLists.AssertSame(packets, NaiveDevice.Take(message));
        AssertCounted(5, packets.Sum(p => p.Length));
    }

    [Fact]
    public void Every_drop_is_counted_with_its_reason_and_touches_nothing_else()
    {
        var good = new TestPacket().Build();
        Put([.. Sealed(new TestPacket { Payload = new byte[65_495] }.Build()), .. new byte[100]]);
        Put(Sealed([0x60, .. new byte[60]]));
        Put(Sealed(new TestPacket { SourcePort = 1, DestinationPort = 1 }.Build()));
        Put(Sealed([0x45]));
        Put(Sealed(good));

        Process();

        PacketLists.AssertSame(
            [
                [.. new byte[VirtioNetHeader.Size], .. good],
            ],
            _tun.Written
        );
        AssertCounted(
            1,
            good.Length,
            (DropReason.TooBig, 1),
            (DropReason.NotIpv4, 1),
            (DropReason.Port, 1),
            (DropReason.Malformed, 1)
        );
    }

    [Fact]
    public void Nothing_is_lost_when_the_device_refuses_superpackets_and_no_more_are_made()
    {
        _tun.RefusesGroups = true;
        var tcp = CoalescerTests.Train(new TestPacket(), [1000, 1000, 500]);
        var udp = CoalescerTests.Train(new TestPacket { IsUdp = true }, [700, 700, 700]);
        Assert.Equal(TunOffloads.Tcp | TunOffloads.Udp, _inbound.Merges);
        PutAll(tcp);
        Process();
        Assert.Equal(TunOffloads.Udp, _inbound.Merges);
        PutAll(udp);
        Process();
        Assert.Equal(TunOffloads.None, _inbound.Merges);
        PutAll(tcp);
        Process();

        List<byte[]> expected = [.. tcp, .. udp, .. tcp];
        PacketLists.AssertSame(
            [.. expected.Select(p => (byte[])[.. new byte[VirtioNetHeader.Size], .. p])],
            _tun.Written
        );
        AssertCounted(9, expected.Sum(p => p.Length));
    }

    [Fact]
    public void A_device_that_is_down_drops_and_counts_each_packet_of_a_group()
    {
        _tun.IsDown = true;
        PutAll(CoalescerTests.Train(new TestPacket(), [1000, 1000, 500]));
        Process();

        AssertCounted(0, 0, (DropReason.DeviceFailed, 3));
        Assert.Equal(TunOffloads.Tcp | TunOffloads.Udp, _inbound.Merges);
    }

    [Fact]
    public void A_device_without_offloads_gets_no_superpackets()
    {
        var plain = new MemoryTun(TunOffloads.None);
        using var coalescer = new Coalescer();
        var inbound = new Inbound(_transport, _filter, Rules.None, plain, coalescer);
        var packets = CoalescerTests.Train(new TestPacket(), [1000, 1000, 500]);
        PutAll(packets);

        inbound.Process(_messages, Now);

        PacketLists.AssertSame(
            [.. packets.Select(p => (byte[])[.. new byte[VirtioNetHeader.Size], .. p])],
            plain.Written
        );
    }

    /// <summary>
    /// 32 messages of 64 KiB that are runs of the shortest datagrams: far more packets than a coalescer holds.
    /// </summary>
    [Fact]
    public void More_packets_than_one_coalescing_holds_all_arrive()
    {
        var packet = new TestPacket { IsUdp = true, Payload = [7] }.Build();
        var perMessage = 65_000 / (packet.Length + 16);
        byte[] run = [.. Enumerable.Repeat(Sealed(packet), perMessage).SelectMany(d => d)];
        var messages = 0;
        while (_messages.Put(run, packet.Length + 16, Home))
        {
            messages++;
        }

        _inbound.Process(_messages, Now);

        Assert.Equal(32, messages);
        AssertCounted(32 * perMessage, 32L * perMessage * packet.Length);
        Assert.Equal(32 * perMessage, _tun.Written.Sum(m => NaiveDevice.Take(m).Count));
    }

    [Fact]
    public void A_mark_on_a_datagram_comes_to_a_packet_whose_sender_looks_at_it_and_drops_every_other()
    {
        const int Experienced = 3;
        foreach (var bits in (byte[])[0, 2])
        {
            var sealedPacket = Sealed(new TestPacket { Tos = bits, Payload = [bits] }.Build());
            Assert.True(_messages.Put(sealedPacket, 0, Home, Experienced));
        }

        Process();

        var marked = new TestPacket { Tos = Experienced, Payload = [2] }.Build();
        PacketLists.AssertSame(
            [
                [.. new byte[VirtioNetHeader.Size], .. marked],
            ],
            _tun.Written
        );
        AssertCounted(1, marked.Length, (DropReason.CongestionMark, 1));
    }

    private void Process()
    {
        _inbound.Process(_messages, Now);
        _messages.Clear();
    }

    private void Put(byte[] message, Endpoint? source = null, int datagramSize = 0) =>
        Assert.True(_messages.Put(message, datagramSize, source ?? Home));

    private void PutAll(IEnumerable<byte[]> packets)
    {
        foreach (var packet in packets)
        {
            Put(Sealed(packet));
        }
    }

    private byte[] Sealed(byte[] packet)
    {
        byte[] datagram = [.. new byte[16], .. packet];
        fixed (byte* start = datagram)
        {
            _wire.Seal(start, packet.Length);
        }

        return datagram;
    }

    private void AssertCounted(long packets, long bytes, params (DropReason Reason, long Packets)[] drops)
    {
        Assert.Equal((packets, bytes), (_inbound.Counters.Packets, _inbound.Counters.Bytes));
        Assert.Equal(
            drops.Order(),
            Enum.GetValues<DropReason>().Select(r => (r, _inbound.Counters.Drops(r))).Where(d => d.Item2 > 0).Order()
        );
    }
}
