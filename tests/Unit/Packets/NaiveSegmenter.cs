// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.Tests.Packets;

/// <summary>Cuts a superpacket packet by packet, each from its own copy of the bytes, checksums last.</summary>
internal static class NaiveSegmenter
{
    public static List<byte[]> Cut(ReadOnlySpan<byte> superpacket, int segmentSize)
    {
        (int ip, byte protocol) = TestPacket.Layout(superpacket);
        bool tcp = protocol == 6;
        int header = ip + (tcp ? (superpacket[ip + 12] >> 4) * 4 : 8);
        int payload = superpacket.Length - header;
        List<byte[]> packets = [];
        for (int at = 0; at == 0 || at < payload; at += segmentSize)
        {
            int size = Math.Min(segmentSize, payload - at);
            byte[] packet = [.. superpacket[..header], .. superpacket.Slice(header + at, size)];
            if (packet[0] >> 4 == 6)
            {
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
                int id = BinaryPrimitives.ReadUInt16BigEndian(superpacket[4..]) + packets.Count;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)id);
            }

            if (tcp)
            {
                uint sequence = BinaryPrimitives.ReadUInt32BigEndian(superpacket[(ip + 4)..]) + (uint)at;
                BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(ip + 4), sequence);
                if (at + size < payload)
                {
                    packet[ip + 13] &= unchecked((byte)~(TestPacket.Fin | TestPacket.Psh));
                }

                if (at > 0)
                {
                    packet[ip + 13] &= unchecked((byte)~TestPacket.Cwr);
                }
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(ip + 4), (ushort)(packet.Length - ip));
            }

            TestPacket.FixChecksums(packet);
            packets.Add(packet);
        }

        return packets;
    }
}
