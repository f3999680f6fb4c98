// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed unsafe class OutboundTests : IDisposable
{
    private const int Mtu = 1300;
    private readonly ClassicTransport _transport;
    private readonly PortFilter _filter = new(PortSet.Create([new PortRange(22)]));
    private readonly MemoryUdp _udp = new();
    private readonly Peer _peer = new();
    private readonly PacketBatch _packets = new();
    private readonly Outbound _outbound;

    public OutboundTests()
    {
        _transport = new ClassicTransport("word", _udp, _peer, isServer: false, innerAddress: 0);
        _outbound = new Outbound(_transport, _filter, _udp);
        _peer.Move(MemoryUdp.Address("192.0.2.1:8000"));
    }

    public void Dispose()
    {
        _outbound.Dispose();
        _transport.Dispose();
        _packets.Dispose();
        _filter.Dispose();
    }

    [Fact]
    public void A_packet_leaves_behind_the_magic_to_the_peer()
    {
        var packet = new TestPacket { Payload = [1, 2, 3] }.Build();
        _packets.Add(packet);

        Process();

        AssertSent(packet);
        Assert.Equal("192.0.2.1:8000", _udp.Peer.ToString());
        AssertCounted(1, packet.Length);
    }

    [Fact]
    public void A_checksum_that_the_kernel_left_to_us_is_finished()
    {
        foreach (
            var packet in (TestPacket[])
                [
                    new() { Payload = [1, 2, 3] },
                    new() { IsUdp = true, Payload = [1, 2, 3] },
                    new() { IpOptions = [1, 1, 1, 1] },
                ]
        )
        {
            var (header, unfinished) = DevicePackets.Unfinished(packet);
            _packets.Clear();
            _packets.Add(header, unfinished);
            _udp.Sent.Clear();

            Process();

            AssertSent(packet.Build());
        }
    }

    [Fact]
    public void A_superpacket_leaves_as_packets_of_at_most_the_MTU()
    {
        var spec = new TestPacket { Payload = new Random(1).Bytes(50_000) };
        _packets.Add(spec.VirtioHeader(1248), spec.BuildSuperpacket());

        Process();

        var expected = NaiveSegmenter.Cut(spec.BuildSuperpacket(), 1248);
        AssertSent([.. expected]);
        Assert.All(expected, p => Assert.InRange(p.Length, 1, Mtu));
        AssertCounted(expected.Count, expected.Sum(p => p.Length));
    }

    [Fact]
    public void Every_drop_is_counted_with_its_reason_and_touches_nothing_else()
    {
        var good = new TestPacket().Build();
        _packets.Add([]);
        _packets.Add([0x60, .. new byte[50]]);
        _packets.Add(new TestPacket { SourcePort = 1, DestinationPort = 1 }.Build());
        _packets.Add(new TestPacket { SourcePort = 22, DestinationPort = 1 }.Build());
        _packets.Add(
            new VirtioNetHeader { Flags = VirtioNetHeader.NeedsChecksum, ChecksumStart = 60_000 },
            new TestPacket().Build()
        );
        _packets.Add(
            new VirtioNetHeader { GsoType = 99, GsoSize = 100 },
            new TestPacket { Payload = new byte[500] }.Build()
        );
        _packets.Add(good);
        _packets.Add(new TestPacket { IsUdp = true, Payload = new byte[65_507] }.Build());

        Process();

        AssertSent(good);
        AssertCounted(
            1,
            good.Length,
            (DropReason.Malformed, 3),
            (DropReason.NotIpv4, 1),
            (DropReason.Port, 1),
            (DropReason.NoFlow, 1),
            (DropReason.TooBig, 1)
        );
    }

    [Fact]
    public void Without_a_peer_everything_is_dropped_and_counted()
    {
        var peerless = new Peer();
        using var transport = new ClassicTransport("word", _udp, peerless, isServer: false, innerAddress: 0);
        using var outbound = new Outbound(transport, _filter, _udp);
        Fill();

        outbound.Process(_packets, 1000);

        Assert.Empty(_udp.Sent);
        Assert.Equal(
            [(DropReason.NoPeer, 6L)],
            Enum.GetValues<DropReason>().Select(r => (r, outbound.Counters.Drops(r))).Where(d => d.Item2 > 0)
        );
        Assert.Equal(0, outbound.Counters.Packets);
        peerless.Move(MemoryUdp.Address("192.0.2.1:8000"));
        Fill();
        outbound.Process(_packets, 1000);
        Assert.Equal(6, outbound.Counters.Packets);

        void Fill()
        {
            var spec = new TestPacket { Payload = new byte[5000] };
            _packets.Clear();
            _packets.Add(new TestPacket().Build());
            _packets.Add(spec.VirtioHeader(1000), spec.BuildSuperpacket());
        }
    }

    [Fact]
    public void What_the_network_refuses_is_counted_and_the_rest_leaves()
    {
        _udp.FateOf = d =>
            d.Length switch
            {
                16 + 40 + 1 => MemoryUdp.Fate.Fails,
                16 + 40 + 2 => MemoryUdp.Fate.IsTooBig,
                16 + 40 + 4 => MemoryUdp.Fate.FindsNoRoom,
                _ => MemoryUdp.Fate.Leaves,
            };
        foreach (var size in (int[])[3, 1, 2, 4, 1, 3])
        {
            _packets.Add(new TestPacket { Payload = new byte[size] }.Build());
        }

        Process();

        Assert.Equal((2, 2 * 43), (_peer.Traffic.PacketsOut, _peer.Traffic.BytesOut));
        AssertCounted(2, 2 * 43, (DropReason.SendFailed, 2), (DropReason.SendBufferFull, 1), (DropReason.TooBig, 1));
    }

    [Fact]
    public void More_than_one_batch_of_datagrams_leaves_in_several_and_in_order()
    {
        // 8 bytes of payload in each packet, the least that TCP uses: 8,186 packets from each superpacket, of which a
        // batch holds 8,192.
        var spec = new TestPacket { Payload = new Random(2).Bytes(65_480) };
        List<byte[]> expected = [];
        for (var i = 0; i < 3; i++)
        {
            _packets.Add(spec.VirtioHeader(8), spec.BuildSuperpacket());
            expected.AddRange(NaiveSegmenter.Cut(spec.BuildSuperpacket(), 8));
            var small = new TestPacket { Payload = [(byte)i] }.Build();
            for (var j = 0; j < 10; j++)
            {
                _packets.Add(small);
                expected.Add(small);
            }
        }

        Process();

        AssertSent([.. expected]);
        AssertCounted(expected.Count, expected.Sum(p => p.Length));
    }

    /// <remarks>RFC 6040: a router marks the datagram in place of the packet.</remarks>
    [Fact]
    public void Datagrams_carry_the_congestion_bits_of_their_packets()
    {
        byte[] bits = [0, 0, 2, 2, 2, 3, 0];
        byte[][] packets =
        [
            .. bits.Select((b, i) => new TestPacket { Tos = (byte)(0xB8 | b), Payload = [(byte)i] }.Build()),
        ];
        Array.ForEach(packets, p => _packets.Add(p));

        Process();

        AssertSent(packets);
        Assert.Equal([((byte)0, 2), ((byte)2, 3), ((byte)3, 1), ((byte)0, 1)], _udp.Batches);
    }

    /// <remarks>The largest MTUs let the kernel make it, and TCP would wait for it for ever.</remarks>
    [Fact]
    public void A_TCP_packet_that_no_datagram_can_carry_is_cut()
    {
        var whole = new TestPacket { Payload = new Random(3).Bytes(65_480) };
        var (header, unfinished) = DevicePackets.Unfinished(whole);
        _packets.Add(whole.Build());
        _packets.Add(header, unfinished);

        Process();

        var largest = SendBatch.MaxRunBytes - _transport.Headroom;
        var expected = NaiveSegmenter.Cut(whole.Build(), largest - 40);
        AssertSent([.. expected, .. expected]);
    }

    private void Process() => _outbound.Process(_packets, 1000);

    private void AssertSent(params byte[][] packets)
    {
        var magic = stackalloc byte[16];
        _transport.Seal(magic, 0);
        byte[] header = new ReadOnlySpan<byte>(magic, 16).ToArray();
        PacketLists.AssertSame([.. packets.Select(p => (byte[])[.. header, .. p])], _udp.Sent);
    }

    private void AssertCounted(long packets, long bytes, params (DropReason Reason, long Packets)[] drops)
    {
        Assert.Equal((packets, bytes), (_outbound.Counters.Packets, _outbound.Counters.Bytes));
        Assert.Equal(
            drops.Order(),
            Enum.GetValues<DropReason>().Select(r => (r, _outbound.Counters.Drops(r))).Where(d => d.Item2 > 0).Order()
        );
    }
}
