// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// The kernel's side of the TUN device: takes a message, checks what it must rely on, and gives the packets in it.
/// </summary>
internal static unsafe class NaiveDevice
{
    public static List<byte[]> Take(byte[] message)
    {
        VirtioNetHeader header;
        fixed (byte* start = message)
        {
            header = VirtioNetHeader.Read(start);
        }

        byte[] packet = message[VirtioNetHeader.Size..];
        if (header == default)
        {
            return [packet];
        }

        (int ip, byte protocol) = TestPacket.Layout(packet);
        bool tcp = protocol == 6;
        bool isV6 = packet[0] >> 4 == 6;
        byte tcpType = isV6 ? VirtioNetHeader.TcpV6 : VirtioNetHeader.TcpV4;
        Assert.Equal(VirtioNetHeader.NeedsChecksum, header.Flags);
        Assert.Equal(tcp ? tcpType : VirtioNetHeader.UdpL4, header.GsoType);
        Assert.Equal(ip, header.ChecksumStart);
        Assert.Equal(tcp ? 16 : 6, header.ChecksumOffset);
        Assert.Equal(ip + (tcp ? (packet[ip + 12] >> 4) * 4 : 8), header.HeaderLength);
        Assert.InRange(header.GsoSize, 1, packet.Length - header.HeaderLength - 1);
        Assert.Equal(
            packet.Length - (isV6 ? 40 : 0),
            BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(isV6 ? 4 : 2))
        );
        Assert.True(isV6 || NaiveChecksum.Sum(packet.AsSpan(0, ip)) == 0xFFFF);
        Assert.Equal(
            NaiveChecksum.SumOfPseudoHeader(packet),
            BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(ip + header.ChecksumOffset))
        );
        if (!tcp)
        {
            Assert.Equal(packet.Length - ip, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(ip + 4)));
        }

        return NaiveSegmenter.Cut(packet, header.GsoSize);
    }

    public static bool IsMerged(byte[] message) => message.AsSpan(0, VirtioNetHeader.Size).ContainsAnyExcept((byte)0);
}
