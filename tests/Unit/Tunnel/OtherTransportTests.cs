// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>
/// Both ways with a transport that has nothing in common with the classic one: whatever is right here knows no
/// transport but by the seam.
/// </summary>
public sealed class OtherTransportTests
{
    private const long Now = 5_000_000;
    private static readonly PortSet AllPorts = PortSet.Create([new PortRange(1, 65_535)]);
    private static readonly Endpoint Hub = MemoryUdp.Address("192.0.2.100:51820");

    [Fact]
    public void Packets_of_both_versions_reach_the_peer_that_they_are_for_and_come_out_as_they_went_in() =>
        Randomised.Check(60, random =>
        {
            using var hub = new End(0, [.. Enumerable.Range(1, 3).Select(number => PeerAt(number))]);
            List<byte[]>[] expected =
            [
                [],
                [],
                [],
                [],
            ];
            for (var i = 0; i < 30; i++)
            {
                var number = 1 + random.Next(3);
                var any = TestPacket.Any(random, random.OneOf(10, 1000, 20_000));
                var spec = any with
                {
                    // Nothing comes from a multicast address.
                    Network = [0x20, .. any.Network[1..]],
                    Source = 0x0A01_0000u + (uint)random.Next(1000),
                    Destination = 0x0A00_0000u + (uint)number,
                    SourcePort = 1000,
                    DestinationPort = 22,
                    Flags = TestPacket.Ack,
                };
                if (spec.Payload.Length > 1000 || random.Chance(20))
                {
                    var size = random.Next(200, 1500 - spec.HeaderLength - 40);
                    hub.Packets.Add(spec.VirtioHeader(size), spec.BuildSuperpacket());
                    expected[number].AddRange(NaiveSegmenter.Cut(spec.BuildSuperpacket(), size));
                }
                else
                {
                    hub.Packets.Add(spec.Build());
                    expected[number].Add(spec.Build());
                }
            }

            hub.Outbound.Process(hub.Packets, Now);

            Assert.Equal(expected.Sum(e => e.Count), hub.Outbound.Counters.Packets);
            Assert.Equal(expected.Sum(e => e.Sum(p => p.Length)), hub.Outbound.Counters.Bytes);
            for (var number = 1; number <= 3; number++)
            {
                using var end = new End(number, new Peer { Number = 0 });
                var destination = PeerAt(number).Current!.Endpoint;
                foreach (
                    var (datagram, _) in hub.Udp.Sent.Zip(hub.Udp.Destinations).Where(d => d.Second.Equals(destination))
                )
                {
                    end.Udp.Arrive(datagram, 0, Hub);
                }

                end.ReceiveAll();

                var peer = Assert.Single(end.Peers);
                Assert.Equal(Hub, peer.Current!.Endpoint);
                Assert.Equal(Sorted(expected[number]), Sorted(end.Tun.Written.SelectMany(NaiveDevice.Take)));
                Assert.Equal(expected[number].Count, peer.Traffic.PacketsIn);
                Assert.Equal(
                    (expected[number].Count, expected[number].Sum(p => (long)p.Length)),
                    (hub.Peers[number - 1].Traffic.PacketsOut, hub.Peers[number - 1].Traffic.BytesOut)
                );
            }
        });

    [Fact]
    public void What_goes_nowhere_or_does_not_open_is_dropped_named_and_counted()
    {
        using var end = new End(0, PeerAt(1), new Peer { Number = 2 });
        var listener = new Drops();
        end.Outbound.Listener = listener;
        end.Inbound.Listener = listener;
        var nowhere = new TestPacket { IsV6 = true, Destination = 99 }.Build();
        var silent = new TestPacket { Destination = 2 }.Build();
        var refused = new TestPacket { Destination = 1 }.Build();
        end.Udp.FateOf = _ => MemoryUdp.Fate.FindsNoRoom;
        end.Packets.Add(nowhere);
        end.Packets.Add(silent);
        end.Packets.Add(refused);

        end.Outbound.Process(end.Packets, Now);
        end.Udp.Arrive([1, 2, 3], 0, Hub);
        end.ReceiveAll();

        Assert.Equal(
            [
                (Direction.Out, DropReason.NoPeer, null, nowhere.Length, nowhere.Length),
                (Direction.Out, DropReason.NoPeer, 2, silent.Length, silent.Length),
                (Direction.Out, DropReason.SendBufferFull, 1, 0, 56 - 12),
                (Direction.In, DropReason.Magic, null, 3, 3),
            ],
            listener.Seen
        );
        Assert.Equal(2, end.Outbound.Counters.Drops(DropReason.NoPeer));
        Assert.Equal(1, end.Outbound.Counters.Drops(DropReason.SendBufferFull));
        Assert.Equal(0, end.Peers[0].Traffic.PacketsOut);
    }

    [Fact]
    public void More_peers_than_a_batch_has_destinations_get_theirs_all_the_same()
    {
        using var hub = new End(0, [.. Enumerable.Range(1, 200).Select(number => PeerAt(number))]);
        for (var number = 1; number <= 200; number++)
        {
            if (hub.Packets.IsFull)
            {
                Send();
            }

            hub.Packets.Add(new TestPacket { Destination = (uint)number }.Build());
        }

        Send();
        Assert.Equal(Enumerable.Range(1, 200).Select(n => PeerAt(n).Current!.Endpoint), hub.Udp.Destinations);

        void Send()
        {
            hub.Outbound.Process(hub.Packets, Now);
            hub.Packets.Clear();
        }
    }

    [Fact]
    public void It_says_when_it_wants_to_be_called_again_and_sends_by_itself()
    {
        using var end = new End(0, PeerAt(1), PeerAt(2), new Peer { Number = 3 });
        Assert.Equal(Now + XorTransport.Interval, end.Transport.Due);
        end.Transport.Advance(Now + XorTransport.Interval - 1);
        Assert.Empty(end.Udp.Sent);

        end.Transport.Advance(Now + XorTransport.Interval);

        Assert.Equal(Now + (2 * XorTransport.Interval), end.Transport.Due);
        Assert.Equal(2, end.Udp.Sent.Count);
    }

    private static Peer PeerAt(int number)
    {
        var peer = new Peer { Number = (ushort)number };
        peer.Move(MemoryUdp.Address($"192.0.2.{number}:51820"));
        return peer;
    }

    private static IEnumerable<string> Sorted(IEnumerable<byte[]> packets) =>
        packets
            .Select(p =>
            {
                // The id of a packet that may not be fragmented means nothing, and coalescing does not keep it.
                byte[] copy = [.. p];
                if (copy[0] >> 4 == 4)
                {
                    copy[4] = copy[5] = copy[10] = copy[11] = 0;
                }

                return Convert.ToHexString(copy);
            })
            .Order(StringComparer.Ordinal);

    /// <summary>One end of a tunnel.</summary>
    private sealed class End : IDisposable
    {
        private readonly PortFilter _filter = new(AllPorts, versions: IpVersions.Both);
        private readonly Coalescer _coalescer = new();
        private readonly ReceiveBatch _messages = new();

        public End(int number, params Peer[] peers)
        {
            Peers = peers;
            Transport = new XorTransport(Udp, number, peers);
            Transport.Advance(Now);
            Udp.Sent.Clear();
            Outbound = new Outbound(Transport, _filter, Udp);
            Inbound = new Inbound(Transport, _filter, Rules.None, Tun, _coalescer);
        }

        public MemoryUdp Udp { get; } = new();

        public MemoryTun Tun { get; } = new();

        public PacketBatch Packets { get; } = new();

        public Peer[] Peers { get; }

        public XorTransport Transport { get; }

        public Outbound Outbound { get; }

        public Inbound Inbound { get; }

        public void ReceiveAll()
        {
            while (Udp.Receive(_messages))
            {
                Inbound.Process(_messages, Now);
            }
        }

        public void Dispose()
        {
            Outbound.Dispose();
            Transport.Dispose();
            Packets.Dispose();
            _coalescer.Dispose();
            _messages.Dispose();
            _filter.Dispose();
        }
    }

    private sealed class Drops : IDropListener
    {
        public List<(Direction Direction, DropReason Reason, int? Peer, int Bytes, int Length)> Seen { get; } = [];

        public void OnDrop(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length) =>
            Seen.Add((direction, reason, peer?.Number, bytes.Length, length));
    }
}
