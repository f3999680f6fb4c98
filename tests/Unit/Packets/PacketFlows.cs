// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Packets by flow, to compare what went in with what came out where only the order within a flow matters.
/// </summary>
internal static class PacketFlows
{
    public static Dictionary<string, List<byte[]>> Of(IEnumerable<byte[]> packets) =>
        packets.GroupBy(Flow).ToDictionary(flow => flow.Key, flow => flow.Select(WithoutMeaninglessId).ToList());

    private static string Flow(byte[] packet)
    {
        if (packet.Length >= 48 && packet[0] >> 4 == 6 && packet[6] is 6 or 17)
        {
            return Convert.ToHexString((byte[])[packet[6], .. packet[8..44]]);
        }

        int ip = packet.Length > 0 ? (packet[0] & 15) * 4 : 0;
        bool hasPorts = packet.Length >= 28 && packet.Length >= ip + 4 && packet[9] is 6 or 17;
        return hasPorts
            ? Convert.ToHexString((byte[])[packet[9], .. packet[12..20], .. packet[ip..(ip + 4)]])
            : "other";
    }

    /// <summary>
    /// Where fragments are forbidden, the id means nothing (RFC 6864) and is not kept; so neither is the checksum that
    /// covers it.
    /// </summary>
    private static byte[] WithoutMeaninglessId(byte[] packet)
    {
        if (
            packet.Length >= 20
            && packet[0] >> 4 == 4
            && (BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(6)) & 0x7FFF) == 0x4000
            && NaiveChecksum.Sum(packet.AsSpan(0, Math.Min(packet.Length, (packet[0] & 15) * 4))) == 0xFFFF
        )
        {
            packet = [.. packet];
            packet[4] = packet[5] = packet[10] = packet[11] = 0;
        }

        return packet;
    }
}
