// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Memory;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>The whole path, both directions, between a device and a socket that take no memory themselves.</summary>
public sealed unsafe class PathAllocationTests
{
    [Fact]
    public void Once_warm_the_packet_path_allocates_nothing()
    {
        var wire = new ClassicWireFormat("word");
        using var filter = new PortFilter(PortSet.Create([new PortRange(22)]));
        using var link = new SilentLink();
        var peer = new Peer();
        peer.Move(MemoryUdp.Address("192.0.2.1:8000"));
        using var transport = new ClassicTransport("word", link, peer, isServer: true, innerAddress: 0x0A000001);
        using var outbound = new Outbound(transport, filter, link);
        using var coalescer = new Coalescer();
        var inbound = new Inbound(transport, filter, Rules.None, link, coalescer);
        using var packets = new PacketBatch();
        using var messages = new ReceiveBatch();
        var tcp = new TestPacket { Payload = new byte[50_000] };
        byte[] superpacket = tcp.BuildSuperpacket();
        VirtioNetHeader superheader = tcp.VirtioHeader(1248);
        byte[][] small =
        [
            new TestPacket { Payload = new byte[10] }.Build(),
            new TestPacket { IsUdp = true, Payload = new byte[10] }.Build(),
            new TestPacket { SourcePort = 1, DestinationPort = 1 }.Build(),
            [1, 2, 3],
        ];
        byte[][] arriving =
        [
            .. CoalescerTests.Train(new TestPacket(), [1000, 1000, 1000]).Select(p => Sealed(wire, p)),
            Sealed(wire, []),
            [1, 2, 3],
        ];
        var source = MemoryUdp.Address("192.0.2.1:8000");

        Allocated.AssertNothing(() =>
        {
            packets.Clear();
            packets.Add(superheader, superpacket);
            foreach (var packet in small)
            {
                packets.Add(packet);
            }

            outbound.Process(packets, 1000);
            messages.Clear();
            foreach (var datagram in arriving)
            {
                _ = messages.Put(datagram, 0, source);
            }

            inbound.Process(messages, 1000);
        });

        Assert.Equal(0, outbound.Counters.Packets % (41 + 2));
        Assert.NotEqual(0, outbound.Counters.Drops(DropReason.Port));
        Assert.Equal(0, inbound.Counters.Packets % 3);
        Assert.NotEqual(0, inbound.Heartbeats);
        Assert.NotEqual(0, inbound.Counters.Drops(DropReason.Magic));
    }

    private static byte[] Sealed(ClassicWireFormat wire, byte[] packet)
    {
        byte[] datagram = [.. new byte[16], .. packet];
        fixed (byte* start = datagram)
        {
            wire.Seal(start, packet.Length);
        }

        return datagram;
    }

    /// <summary>Device and socket at once: takes everything and keeps nothing.</summary>
    private sealed class SilentLink : IUdp, ITun
    {
        public string Name => "tun0";

        public int Index => 1;

        public int Descriptor => -1;

        public int LocalPort => 8000;

        /// <summary>The bits that batches carry now.</summary>
        public byte CongestionBits { get; private set; }

        public void SetCongestionBits(byte bits) => CongestionBits = bits;

        public Errno BindToDevice(string device) => Errno.None;

        public TunOffloads Offloads => TunOffloads.Tcp | TunOffloads.Udp;

        public bool Segments => true;

        public bool Merges => true;

        public Endpoint ToEndpoint(IPEndPoint address) => Endpoint.From(address, dualStack: true);

        public bool Receive(ReceiveBatch batch) => false;

        public bool Read(PacketBatch batch) => true;

        public SendResult Send(
            SendBatch batch,
            ReadOnlySpan<Endpoint> destinations,
            Span<SourceAddress> sources = default
        )
        {
            var result = new SendResult { Sent = batch.DatagramCount };
            foreach (ref readonly var run in batch.Runs)
            {
                result.SentBytes += run.TotalBytes;
            }

            return result;
        }

        public bool Probe(byte* datagram, int length, in Endpoint peer, in SourceAddress source) =>
            Send(datagram, length, peer, source);

        public bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default) => true;

        public WriteStatus Write(Slice* slices, int count) => WriteStatus.Written;

        public void FitSendBuffer(long now)
        {
            // Nothing waits here.
        }

        public void SetMark(uint mark) { }

        public void KeepErrors(bool keep)
        {
            // There are none.
        }

        public bool TakeError(out Endpoint endpoint, out bool isPortUnreachable)
        {
            endpoint = default;
            isPortUnreachable = false;
            return false;
        }

        public void Recreate()
        {
            // It is never lost.
        }

        public void Dispose()
        {
            // Nothing to give back.
        }
    }
}
