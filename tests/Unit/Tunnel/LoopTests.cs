// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Filter;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>
/// Both directions joined: random packets of a device go out, over a wire that loses, doubles, swaps and flips, and in
/// to another device. They come out byte by byte as they were on the wire, or not at all; the only packets that do not
/// come out are those that a filter drops.
/// </summary>
public sealed class LoopTests
{
    private const uint Now = 1000;
    private static readonly Endpoint Sender = MemoryUdp.Address("192.0.2.1:8000");

    [Fact]
    public void What_goes_in_at_one_end_comes_out_at_the_other_or_not_at_all() => Randomised.Check(150, random =>
        {
            // Almost every port, so that most packets pass, and each verdict occurs.
            var ports = PortSet.Create([new PortRange(1, 30_000), new PortRange(30_002, 65_535)]);
            using var near = new PortFilter(ports);
            using var far = new PortFilter(ports);
            using var nearOracle = new PortFilter(ports);
            using var farOracle = new PortFilter(ports);
            var udp = new MemoryUdp();
            var tun = new MemoryTun(random.OneOf(TunOffloads.None, TunOffloads.Tcp, TunOffloads.Tcp | TunOffloads.Udp))
            {
                RefusesGroups = random.Chance(20),
            };
            var peer = new Peer();
            peer.Move(Sender);
            using var sending = new ClassicTransport("word", udp, peer, isServer: false, innerAddress: 0);
            using var receiving = new ClassicTransport("word", udp, new Peer(), isServer: false, innerAddress: 0);
            using var outbound = new Outbound(sending, near, udp);
            using var coalescer = new Coalescer();
            var inbound = new Inbound(receiving, far, Rules.None, tun, coalescer);
            using var packets = new PacketBatch();
            using var messages = new ReceiveBatch();

            List<byte[]> expectedOnWire = [];
            for (var batch = random.Next(1, 4); batch > 0; batch--)
            {
                packets.Clear();
                expectedOnWire.AddRange(Fill(packets, random, nearOracle));
                outbound.Process(packets, Now * 1000);
            }

            PacketLists.AssertSame(expectedOnWire, [.. udp.Sent.Select(d => d[16..])]);
            var arrived = Disturb(udp.Sent, random);
            Deliver(udp, arrived, random);
            while (udp.Receive(messages))
            {
                inbound.Process(messages, Now * 1000);
            }

            byte[] magic = udp.Sent.Count > 0 ? udp.Sent[0][..16] : new byte[16];
            List<byte[]> expected =
            [
                .. arrived
                    .Where(d => d.AsSpan(0, 16).SequenceEqual(magic))
                    .Select(d => d[16..])
                    .Where(p =>
                        p.Length > 0
                        && IsFromPossibleHost(p)
                        && farOracle.Check(Direction.In, p, Now) == DropReason.None
                    ),
            ];
            Assert.Equal(Sorted(expected), Sorted(tun.Written.SelectMany(NaiveDevice.Take)));

            // A bit may make a later fragment of a packet, which waits for a first one that does not come.
            inbound.Expire(long.MaxValue / 2);
            Assert.Equal(
                arrived.Count,
                inbound.Counters.Packets + Enum.GetValues<DropReason>().Sum(inbound.Counters.Drops)
            );
        });

    /// <summary>What the address rules let pass of a host without addresses, told byte by byte.</summary>
    private static bool IsFromPossibleHost(byte[] packet)
    {
        if (packet.Length < 20 || packet[0] >> 4 != 4)
        {
            return true;
        }

        var header = (packet[0] & 15) * 4;
        var isRedirect =
            packet[9] == 1
            && (packet[6] & 0x1F) == 0
            && packet[7] == 0
            && packet.Length > header
            && packet[header] == 5;
        return !isRedirect
            && packet[12] is not (0 or 127 or (>= 224 and <= 239))
            && !packet.AsSpan(12, 4).SequenceEqual((byte[])[255, 255, 255, 255]);
    }

    /// <summary>Fills a batch as a kernel would.</summary>
    /// <returns>The packets that must be on the wire, in order.</returns>
    private static List<byte[]> Fill(PacketBatch batch, Random random, PortFilter oracle)
    {
        List<byte[]> expected = [];
        var plain = new Queue<RandomTraffic.Packet>(RandomTraffic.Mixed(random, 1 + random.Next(5), 40));
        for (var i = 0; i < 20; i++)
        {
            var kind = random.Next(10);
            if (kind == 0)
            {
                var spec = TestPacket.Any(random, 20_000) with { Flags = TestPacket.Ack };
                var size = 1 + random.Next(1500 - spec.HeaderLength);
                if (spec.Payload.Length / size < 500)
                {
                    Take(
                        spec.VirtioHeader(size),
                        spec.BuildSuperpacket(),
                        NaiveSegmenter.Cut(spec.BuildSuperpacket(), size)
                    );
                }
            }
            else if (kind == 1)
            {
                var spec = TestPacket.Any(random, 1400);
                var (header, unfinished) = DevicePackets.Unfinished(spec);
                Take(header, unfinished, [spec.Build()]);
            }
            else if (plain.TryDequeue(out var packet))
            {
                Take(default, packet.Bytes, [packet.Bytes]);
            }
        }

        return expected;

        void Take(VirtioNetHeader header, byte[] packet, List<byte[]> becomes)
        {
            batch.Add(header, packet);
            if (oracle.Check(Direction.Out, packet, Now) == DropReason.None)
            {
                expected.AddRange(becomes);
            }
        }
    }

    /// <summary>What the network does to datagrams.</summary>
    private static List<byte[]> Disturb(List<byte[]> sent, Random random)
    {
        var percent = random.OneOf(0, 1, 5, 20);
        List<byte[]> arrived = [];
        foreach (var datagram in sent)
        {
            if (random.Chance(percent))
            {
                continue;
            }

            arrived.Add(random.Chance(percent) ? Flipped(datagram, random) : datagram);
            if (random.Chance(percent))
            {
                arrived.Add(datagram);
            }

            if (random.Chance(percent) && arrived.Count > 1)
            {
                (arrived[^1], arrived[^2]) = (arrived[^2], arrived[^1]);
            }
        }

        return arrived;
    }

    private static byte[] Flipped(byte[] datagram, Random random)
    {
        byte[] flipped = [.. datagram];
        var bit = random.Next(8 * datagram.Length);
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    /// <summary>
    /// Lets datagrams arrive as the kernel merges them: now and then some of one size, the last maybe shorter, as a
    /// run.
    /// </summary>
    private static void Deliver(MemoryUdp udp, List<byte[]> datagrams, Random random)
    {
        var i = 0;
        while (i < datagrams.Count)
        {
            var size = datagrams[i].Length;
            var count = 1;
            while (
                random.Chance(80)
                && i + count < datagrams.Count
                && datagrams[i + count].Length <= size
                && (count + 1) * size <= 65_507
            )
            {
                count++;
                if (datagrams[i + count - 1].Length < size)
                {
                    break;
                }
            }

            udp.Arrive([.. datagrams.Skip(i).Take(count).SelectMany(d => d)], count > 1 ? size : 0, Sender);
            i += count;
        }
    }

    private static IEnumerable<string> Sorted(IEnumerable<byte[]> packets) =>
        packets.Select(WithoutMeaninglessId).Select(System.Convert.ToHexString).Order(StringComparer.Ordinal);

    /// <summary>
    /// Where fragments are forbidden, the id means nothing (RFC 6864) and is not kept; so neither is the checksum that
    /// covers it.
    /// </summary>
    private static byte[] WithoutMeaninglessId(byte[] packet)
    {
        var header = packet.Length > 0 ? (packet[0] & 15) * 4 : 0;
        if (
            header < 20
            || packet.Length < header
            || (BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(6)) & 0x7FFF) != 0x4000
            || NaiveChecksum.Sum(packet.AsSpan(0, header)) != 0xFFFF
        )
        {
            return packet;
        }

        byte[] without = [.. packet];
        without[4] = without[5] = without[10] = without[11] = 0;
        return without;
    }
}
