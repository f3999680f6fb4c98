// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Any bytes at all, between forbidden pages: whatever reads or writes outside of what it was given ends the program.
/// </summary>
public sealed unsafe class HostileBytesTests
{
    private static readonly ClassicWireFormat Format = new("word");

    [Fact]
    public void The_segmenter_stays_within_any_superpacket() => Randomised.Check(3000, random =>
        {
            byte[] packet = Hostile(random, 2000);
            VirtioNetHeader header = random.Chance(50) ? Plausible(random, packet) : AnyHeader(random);
            using var memory = new GuardedMemory(packet.Length + 1);
            using var batch = new SendBatch(16);
            var segmenter = new Segmenter(Format);
            var mtu = random.OneOf(1280, 1300, 65_520);
            foreach (bool atEnd in (bool[])[true, false])
            {
                byte* start = atEnd ? memory.PlaceAtEnd(packet) : memory.PlaceAtStart(packet, 0);
                if (segmenter.Plan(start, packet.Length, header, mtu, out CutPlan plan) == DropReason.None)
                {
                    Assert.True(segmenter.TryCut(plan, batch));
                    List<byte[]> packets = [.. SentDatagrams.Of(batch).Select(datagram => datagram[16..])];
                    PacketLists.AssertSame(NaiveSegmenter.Cut(packet, plan.SegmentSize), packets);
                    batch.Clear();
                }

                Assert.True(packet.AsSpan().SequenceEqual(new Span<byte>(start, packet.Length)));
            }
        });

    [Fact]
    public void The_coalescer_touches_only_packets_and_the_ten_bytes_before_them() => Randomised.Check(3000, random =>
        {
            byte[] first = Hostile(random, 200);
            byte[] second = random.Chance(50) ? [.. first] : Hostile(random, 200);
            if (random.Chance(50))
            {
                second[random.Next(second.Length)] ^= (byte)random.Next(256);
            }

            using var one = new GuardedMemory(first.Length + 10);
            using var two = new GuardedMemory(second.Length + 10);
            using var coalescer = new Coalescer(4);
            for (int round = 0; round < 2; round++)
            {
                byte* a = round == 0 ? one.PlaceAtEnd(first) : one.PlaceAtStart(first, 10);
                byte* b = round == 0 ? two.PlaceAtEnd(second) : two.PlaceAtStart(second, 10);
                Assert.True(coalescer.Add(a, first.Length));
                Assert.True(coalescer.Add(b, second.Length));
                int groups = coalescer.Finish().Length;
                for (int i = 0; i < groups; i++)
                {
                    _ = coalescer.Unmerge(i);
                }

                Assert.Equal(first, new Span<byte>(a, first.Length).ToArray());
                Assert.Equal(second, new Span<byte>(b, second.Length).ToArray());
                coalescer.Clear();
            }
        });

    [Fact]
    public void Completing_a_checksum_stays_within_the_packet() => Randomised.Check(3000, random =>
        {
            byte[] packet = random.Bytes(random.Next(200));
            int start = random.Next(220);
            int offset = random.OneOf(6, 16, random.Next(220));
            using var memory = new GuardedMemory(200);
            byte* place = memory.PlaceAtEnd(packet);
            Assert.Equal(start + offset + 2 <= packet.Length, Checksum.Complete(place, packet.Length, start, offset));
        });

    private static byte[] Hostile(Random random, int maxPayload)
    {
        if (random.Chance(20))
        {
            return random.Bytes(1 + random.Next(200));
        }

        TestPacket spec = TestPacket.Any(random, random.OneOf(1, 30, maxPayload));
        byte[] packet = (random.Chance(50) ? spec with { IpOptions = [], Flags = TestPacket.Ack } : spec).Build();
        if (random.Chance(40))
        {
            // Cut off anywhere, with a total length that agrees.
            packet = packet[..(1 + random.Next(packet.Length))];
            if (packet.Length >= 4)
            {
                packet[2] = (byte)(packet.Length >> 8);
                packet[3] = (byte)packet.Length;
            }
        }

        for (int i = random.Next(3); i > 0; i--)
        {
            packet[random.Next(Math.Min(packet.Length, 60))] = (byte)random.Next(256);
        }

        return packet;
    }

    private static VirtioNetHeader Plausible(Random random, byte[] packet)
    {
        bool udp = packet.Length > 9 && packet[9] == 17;
        return new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = udp ? VirtioNetHeader.UdpL4 : VirtioNetHeader.TcpV4,
            GsoSize = (ushort)(1 + random.Next(1500)),
            ChecksumStart = (ushort)((packet[0] & 15) * 4),
            ChecksumOffset = (ushort)(udp ? 6 : 16),
        };
    }

    private static VirtioNetHeader AnyHeader(Random random) =>
        new()
        {
            Flags = (byte)random.Next(4),
            GsoType = (byte)random.OneOf(0, 1, 5, 0x81, random.Next(256)),
            HeaderLength = (ushort)random.Next(65_536),
            GsoSize = (ushort)random.OneOf(0, 1, 1000, random.Next(65_536)),
            ChecksumStart = (ushort)random.OneOf(20, random.Next(65_536)),
            ChecksumOffset = (ushort)random.OneOf(6, 16, random.Next(65_536)),
        };
}
