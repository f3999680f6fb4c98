// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Packets;

/// <summary>Packets as a network delivers them.</summary>
internal static class RandomTraffic
{
    internal sealed record Packet(byte[] Bytes, bool IsCorrupt);

    /// <summary>
    /// One flow as a sender's kernel makes it: ids and sequence numbers count up, now and then a header changes.
    /// </summary>
    public static List<Packet> Stream(Random random, int count)
    {
        TestPacket packet = TestPacket.Any(random, 0) with
        {
            IpOptions = random.Chance(5) ? [1, 1, 1, 1] : [],
            TcpOptions = random.Chance(50) ? [1, 1, 8, 10, .. random.Bytes(8)] : [],
            Urgent = 0,
        };
        int segment = 1 + random.Next(1200);
        List<Packet> packets = [];
        for (int i = 0; i < count; i++)
        {
            int size = random.OneOf(segment, segment, segment, segment, segment, random.Next(1300), 0);
            bool plain = random.Chance(92);
            packet = packet with
            {
                Payload = random.Bytes(size),
                Flags = plain ? TestPacket.Ack : (byte)(TestPacket.Ack | random.Next(256)),
                Window = random.Chance(97) ? packet.Window : (ushort)random.Next(65_536),
                Acknowledgment = packet.Acknowledgment + (random.Chance(97) ? 0u : 100),
                Tos = random.Chance(98) ? packet.Tos : (byte)(packet.Tos ^ 3),
            };
            packets.Add(new Packet(packet.Build(), IsCorrupt: false));
            packet = packet with { Id = (ushort)(packet.Id + 1), Sequence = packet.Sequence + (uint)size };
        }

        return packets;
    }

    /// <summary>
    /// Several flows, interleaved in trains, with loss, duplicates, reordering, bit flips, and packets that are none.
    /// </summary>
    public static List<Packet> Mixed(Random random, int flows, int count)
    {
        List<Queue<Packet>> streams =
        [
            .. Enumerable.Range(0, flows).Select(_ => new Queue<Packet>(Stream(random, count))),
        ];
        int faults = random.OneOf(0, 2, 10);
        List<Packet> packets = [];
        while (packets.Count < count)
        {
            Queue<Packet> stream = streams[random.Next(streams.Count)];
            for (int train = random.Next(12); train > 0 && stream.Count > 0 && packets.Count < count; train--)
            {
                Packet packet = stream.Dequeue();
                if (random.Chance(faults))
                {
                    continue;
                }

                packets.Add(packet);
                if (random.Chance(faults))
                {
                    packets.Add(packet);
                }

                if (random.Chance(faults))
                {
                    packets[^1] = Flip(random, packet.Bytes);
                }

                if (random.Chance(faults) && packets.Count > 1)
                {
                    (packets[^1], packets[^2]) = (packets[^2], packets[^1]);
                }

                if (random.Chance(faults))
                {
                    packets.Add(new Packet(random.Bytes(1 + random.Next(80)), IsCorrupt: false));
                }
            }

            if (streams.TrueForAll(queue => queue.Count == 0))
            {
                break;
            }
        }

        return packets.Count > 0 ? packets : Stream(random, 1);
    }

    /// <summary>
    /// One flipped bit: no one's-complement checksum misses it, wherever it is, except a UDP checksum that becomes or
    /// is no checksum.
    /// </summary>
    private static Packet Flip(Random random, byte[] packet)
    {
        byte[] flipped = [.. packet];
        int bit = random.Next(8 * packet.Length);
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return new Packet(flipped, IsCorrupt: true);
    }
}
