// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Memory;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using static UdpTunnel.Tests.Tunnel.SecureNetwork;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>
/// The whole path of a secure tunnel, from one device to the other, with a network that takes no memory itself.
/// </summary>
public sealed class SecureAllocationTests
{
    private const uint FirstAddress = 0x0A63_0001;
    private const uint SecondAddress = 0x0A63_0002;

    [Fact]
    public void Once_warm_sealing_and_opening_allocate_nothing()
    {
        var (firstKey, secondKey) = (NewKey(), NewKey());
        using var first = new End(firstKey, Peer(secondKey, "192.0.2.2:2", "10.99.0.2/32"));
        using var second = new End(secondKey, Peer(firstKey, "192.0.2.1:1", "10.99.0.1/32"));
        first.Link.Into = second.Messages;
        second.Link.Into = first.Messages;
        var tcp = new TestPacket
        {
            Source = FirstAddress,
            Destination = SecondAddress,
            Payload = new byte[20_000],
        };
        var superpacket = tcp.BuildSuperpacket();
        var header = tcp.VirtioHeader(1380);
        byte[][] small =
        [
            (tcp with { Payload = new byte[10] }).Build(),
            (tcp with { IsUdp = true, Payload = new byte[10] }).Build(),
            (tcp with { Destination = 0x0A63_0003, Payload = [] }).Build(),
            (tcp with { Source = 0x0A63_0003, Payload = [] }).Build(),
        ];
        Allocated.AssertNothing(() =>
        {
            first.Packets.Clear();
            first.Packets.Add(header, superpacket);
            foreach (var packet in small)
            {
                first.Packets.Add(packet);
            }

            first.Outbound.Process(first.Packets, 1000);
            for (var i = 0; i < 3; i++)
            {
                second.Receive();
                first.Receive();
            }
        });

        Assert.Equal(0, first.Outbound.Counters.Packets % (15 + 3));
        Assert.Equal(first.Outbound.Counters.Packets / 18 * 17, second.Inbound.Counters.Packets);
        Assert.NotEqual(0, second.Inbound.Counters.Drops(DropReason.WrongSource));
        Assert.NotEqual(0, first.Outbound.Counters.Drops(DropReason.NoRoute));
    }

    private sealed class End : IDisposable
    {
        private readonly SecureProtocol _protocol;
        private readonly PortFilter _filter;
        private readonly Coalescer _coalescer = new();

        public End(SecretKey key, PeerConfig peer)
        {
            var ports = PortSet.Create([new PortRange(22, 22)]);
            var config = new TunnelConfig
            {
                Name = "t",
                Protocol = TunnelProtocol.WireGuard,
                TunnelAddresses = [],
                NetworkAddress = HostPort.AnyPort,
                AllowedPorts = ports,
                Mtu = TunnelConfig.DefaultWireGuardMtu,
                Peers = [peer],
                Routes = RouteMode.Off,
            };
            var events = new EventLog(TimeProvider.System, NullLogger<EventLog>.Instance);
            _protocol = new SecureProtocol(config, key, Link, Link, events, TimeProvider.System, () => 1_000_000);
            _filter = new PortFilter(ports, versions: IpVersions.Both);
            Outbound = new Outbound(_protocol.Transport, _filter, Link, _protocol.Outgoing);
            Inbound = new Inbound(_protocol.Transport, _filter, Rules.None, Link, _coalescer);
            Messages.Clear();
        }

        public Link Link { get; } = new();

        public PacketBatch Packets { get; } = new();

        public ReceiveBatch Messages { get; } = new();

        public Outbound Outbound { get; }

        public Inbound Inbound { get; }

        public void Receive()
        {
            Inbound.Process(Messages, 1000);
            Messages.Clear();
        }

        public void Dispose()
        {
            Outbound.Dispose();
            _protocol.Dispose();
            _filter.Dispose();
            _coalescer.Dispose();
            Packets.Dispose();
            Messages.Dispose();
        }
    }

    /// <summary>Device and socket at once: takes everything, and puts datagrams where the other end receives.</summary>
    private sealed unsafe class Link : IUdp, ITun
    {
        private static readonly Endpoint Source = MemoryUdp.Address("192.0.2.9:9");

        public ReceiveBatch? Into { get; set; }

        public string Name => "tun0";

        public int Index => 1;

        public int Descriptor => -1;

        public TunOffloads Offloads => TunOffloads.Tcp | TunOffloads.Udp;

        public int LocalPort => 1;

        /// <summary>The bits that batches carry now.</summary>
        public byte CongestionBits { get; private set; }

        public void SetCongestionBits(byte bits) => CongestionBits = bits;

        public Errno BindToDevice(string device) => Errno.None;

        public bool Segments => true;

        public bool Merges => true;

        public bool Read(PacketBatch batch) => true;

        public WriteStatus Write(Slice* slices, int count) => WriteStatus.Written;

        public Endpoint ToEndpoint(IPEndPoint address) => Endpoint.From(address, dualStack: true);

        public bool Receive(ReceiveBatch batch) => false;

        public SendResult Send(
            SendBatch batch,
            ReadOnlySpan<Endpoint> destinations,
            Span<SourceAddress> sources = default
        )
        {
            foreach (ref readonly var run in batch.Runs)
            {
                for (var i = 0; i < run.Datagrams; i++)
                {
                    Assert.True(Into!.Put((batch.Slices + run.FirstSlice + i)->Span, 0, Source));
                }
            }

            return new SendResult { Sent = batch.DatagramCount };
        }

        public bool Probe(byte* datagram, int length, in Endpoint peer, in SourceAddress source) =>
            Send(datagram, length, peer, source);

        public bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default) =>
            Into!.Put(new ReadOnlySpan<byte>(datagram, length), 0, Source);

        public void FitSendBuffer(long now) { }

        public void SetMark(uint mark) { }

        public void KeepErrors(bool keep) { }

        public bool TakeError(out Endpoint endpoint, out bool isPortUnreachable)
        {
            endpoint = default;
            isPortUnreachable = false;
            return false;
        }

        public void Recreate() { }

        public void Dispose() { }
    }
}
