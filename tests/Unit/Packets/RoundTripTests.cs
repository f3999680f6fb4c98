// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class RoundTripTests
{
    [Fact]
    public void Coalescing_what_was_segmented_gives_the_superpacket_back() => Randomised.Check(400, random =>
        {
            TestPacket spec = TestPacket.Any(random, 0) with { IpOptions = [], Extension = 0 };
            int packets = 2 + random.Next(spec.IsUdp ? 63 : 200);
            int segment = 1 + random.Next(Math.Min(1500 - spec.HeaderLength, (65_535 - spec.HeaderLength) / packets));
            int payload = (segment * packets) - random.Next(segment);
            spec = spec with
            {
                Flags = (byte)(TestPacket.Ack | (random.Next(256) & (TestPacket.Psh | TestPacket.Fin))),
                Payload = random.Bytes(payload),
            };
            byte[] superpacket = spec.BuildSuperpacket();
            VirtioNetHeader header = spec.VirtioHeader(segment);
            byte[] expected = new byte[VirtioNetHeader.Size + superpacket.Length];
            superpacket.CopyTo(expected, VirtioNetHeader.Size);
            fixed (byte* start = expected)
            {
                header.Write(start);
            }

            byte[] message = Assert.Single(ReceivedBatch.Messages(Segment(superpacket, header)));
            PacketLists.AssertSame([expected], [message]);
        });

    [Fact]
    public void Segmenting_what_was_coalesced_gives_the_packets_back() => Randomised.Check(400, random =>
        {
            List<byte[]> packets =
            [
                .. RandomTraffic.Stream(random, 1 + random.Next(150)).Select(packet => packet.Bytes),
            ];
            List<byte[]> again = [];
            foreach (byte[] message in ReceivedBatch.Messages(packets))
            {
                VirtioNetHeader header;
                fixed (byte* start = message)
                {
                    header = VirtioNetHeader.Read(start);
                }

                byte[] packet = message[VirtioNetHeader.Size..];
                again.AddRange(header == default ? [packet] : Segment(packet, header));
            }

            PacketLists.AssertSame(packets, again);
        });

    [Fact]
    public void No_packet_is_lost_changed_or_overtaken_within_its_flow() => Randomised.Check(600, random =>
        {
            List<RandomTraffic.Packet> packets = RandomTraffic.Mixed(random, 1 + random.Next(12), 1 + random.Next(200));
            List<byte[]> messages = ReceivedBatch.Messages(
                [.. packets.Select(packet => packet.Bytes)],
                mergeTcp: random.Chance(90),
                mergeUdp: random.Chance(90)
            );

            // The model of the device computes right checksums for what it cuts, so a corrupt packet that was merged
            // would come out different.
            Dictionary<string, List<byte[]>> expected = PacketFlows.Of(packets.Select(packet => packet.Bytes));
            Dictionary<string, List<byte[]>> actual = PacketFlows.Of(messages.SelectMany(NaiveDevice.Take));
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            foreach ((string flow, List<byte[]> inOrder) in expected)
            {
                PacketLists.AssertSame(inOrder, actual[flow]);
            }

            // Each corrupt packet is a message of its own with exactly its bytes.
            List<string> alone =
            [
                .. messages
                    .Where(message => !NaiveDevice.IsMerged(message))
                    .Select(message => Convert.ToHexString(message[VirtioNetHeader.Size..])),
            ];
            foreach (RandomTraffic.Packet corrupt in packets.Where(packet => packet.IsCorrupt))
            {
                Assert.True(alone.Remove(Convert.ToHexString(corrupt.Bytes)));
            }
        });

    [Fact]
    public void Unmerging_every_group_gives_the_packets_back_byte_by_byte() => Randomised.Check(400, random =>
        {
            List<RandomTraffic.Packet> packets = RandomTraffic.Mixed(random, 1 + random.Next(9), 1 + random.Next(150));
            using var batch = new ReceivedBatch([.. packets.Select(packet => packet.Bytes)]);
            using var coalescer = new Coalescer();
            Group[] groups = batch.Coalesce(coalescer);
            List<string> messages = [];
            for (int i = 0; i < groups.Length; i++)
            {
                Slice[] slices = coalescer.Unmerge(i).ToArray();
                Assert.Equal(groups[i].SliceCount, slices.Length);
                if (random.Chance(10))
                {
                    slices = coalescer.Unmerge(i).ToArray();
                }

                messages.AddRange(slices.Select(slice => Convert.ToHexString(slice.Span)));
            }

            // Groups are in the order of their first packets, so only the order between flows may have changed.
            Assert.Equal(
                packets
                    .Select(packet => Convert.ToHexString((byte[])[.. new byte[10], .. packet.Bytes]))
                    .Order(StringComparer.Ordinal),
                messages.Order(StringComparer.Ordinal)
            );
        });

    private static List<byte[]> Segment(byte[] superpacket, VirtioNetHeader header)
    {
        using var memory = new GuardedMemory(superpacket.Length);
        using var batch = new SendBatch(16);
        var segmenter = new Segmenter(new ClassicWireFormat(""));
        byte* start = memory.PlaceAtEnd(superpacket);
        Assert.Equal(DropReason.None, segmenter.Plan(start, superpacket.Length, header, 1500, out CutPlan plan));
        Assert.True(segmenter.TryCut(plan, batch));
        return [.. SentDatagrams.Of(batch).Select(datagram => datagram[16..])];
    }
}
