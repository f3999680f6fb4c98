// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Several packets as one input.
/// <code>
///  +--------+-----------------+-----------------------
///  | option | length u16 (BE) | packet                  and so on; the last one may be cut off
///  +--------+-----------------+-----------------------
/// </code>
/// </summary>
internal static class PacketList
{
    private const int MaxPackets = 64;
    private const int HeaderLength = 3;

    /// <summary>Takes an input apart.</summary>
    public static List<(byte Option, byte[] Packet)> Read(ReadOnlySpan<byte> input)
    {
        var packets = new List<(byte, byte[])>();
        while (input.Length > HeaderLength && packets.Count < MaxPackets)
        {
            var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(input[1..]), input.Length - HeaderLength);
            packets.Add((input[0], input.Slice(HeaderLength, length).ToArray()));
            input = input[(HeaderLength + length)..];
        }

        return packets;
    }

    /// <summary>Makes an input.</summary>
    public static byte[] Write(IEnumerable<(byte Option, byte[] Packet)> packets) =>
        [
            .. packets.SelectMany(p =>
                (byte[])[p.Option, (byte)(p.Packet.Length >> 8), (byte)p.Packet.Length, .. p.Packet]
            ),
        ];

    /// <summary>Gives a packet right checksums where it has room for them, since no mutation would find them.</summary>
    public static void FixChecksums(byte[] packet)
    {
        if (
            packet.Length >= 40
            && packet[0] >> 4 == 6
            && packet[6] is 6 or 17
            && packet.Length >= (packet[6] == 6 ? 60 : 48)
        )
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
            TestPacket.FixChecksums(packet);
            return;
        }

        if (packet.Length < 20 || packet[0] >> 4 != 4 || packet[9] is not (6 or 17))
        {
            return;
        }

        var header = (packet[0] & 15) * 4;
        if (header >= 20 && packet.Length >= header + (packet[9] == 6 ? 20 : 8))
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            TestPacket.FixChecksums(packet);
        }
    }
}
