// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Turns the headers of a group's first packet into those of the superpacket, in place, and back. Only few fields
/// differ: IP length and checksum, TCP flags and checksum or UDP length and checksum. The original lengths follow
/// from the packet's, the rest is kept in the draft.
/// </summary>
internal static unsafe class SuperpacketHeader
{
    /// <summary>
    /// Makes the headers of a superpacket, with the virtio header in front, and remembers what it overwrites.
    /// </summary>
    /// <param name="packet">First packet of the group; its IP header has no options.</param>
    /// <param name="draft">The group, of two or more packets.</param>
    public static void Write(byte* packet, GroupDraft* draft)
    {
        bool isV6 = packet[0] >> 4 == 6;
        int ipHeaderLength = MergeRule.IpHeaderLength(packet);
        byte protocol = MergeRule.Protocol(packet);
        bool isTcp = protocol == Ipv4Header.Tcp;
        byte* transport = packet + ipHeaderLength;
        int checksumOffset = isTcp ? TcpHeader.Checksum : UdpHeader.Checksum;
        int transportLength = draft->TotalLength - ipHeaderLength;

        draft->TransportChecksum = Unsafe.ReadUnaligned<ushort>(transport + checksumOffset);
        if (isV6)
        {
            NetworkOrder.WriteUInt16(packet + Ipv6Header.PayloadLength, (ushort)transportLength);
        }
        else
        {
            draft->IpChecksum = Unsafe.ReadUnaligned<ushort>(packet + Ipv4Header.HeaderChecksum);
            NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, (ushort)draft->TotalLength);
            NetworkOrder.WriteUInt16(packet + Ipv4Header.HeaderChecksum, 0);
            Unsafe.WriteUnaligned(
                packet + Ipv4Header.HeaderChecksum,
                Checksum.Finish(Checksum.SumMinimalIpv4Header(packet))
            );
        }

        if (isTcp)
        {
            // The first of several packets has neither PSH nor FIN, or it would have stayed alone.
            draft->FirstFlags = transport[TcpHeader.Flags];
            transport[TcpHeader.Flags] |= draft->LastFlags;
        }
        else
        {
            NetworkOrder.WriteUInt16(transport + UdpHeader.Length, (ushort)transportLength);
        }

        Unsafe.WriteUnaligned(
            transport + checksumOffset,
            Checksum.Fold(Checksum.PseudoHeader(packet, protocol, transportLength))
        );
        byte tcp = isV6 ? VirtioNetHeader.TcpV6 : VirtioNetHeader.TcpV4;
        new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = isTcp ? tcp : VirtioNetHeader.UdpL4,
            HeaderLength = (ushort)draft->HeaderLength,
            GsoSize = (ushort)draft->SegmentSize,
            ChecksumStart = (ushort)ipHeaderLength,
            ChecksumOffset = (ushort)checksumOffset,
        }.Write(packet - VirtioNetHeader.Size);
    }

    /// <summary>Undoes <see cref="Write"/>, but for the virtio header. Doing it twice does no harm.</summary>
    /// <param name="packet">First packet of the group.</param>
    /// <param name="length">Its length as it was received.</param>
    /// <param name="draft">The group.</param>
    public static void Restore(byte* packet, int length, GroupDraft* draft)
    {
        int ipHeaderLength = MergeRule.IpHeaderLength(packet);
        byte* transport = packet + ipHeaderLength;
        if (packet[0] >> 4 == 6)
        {
            NetworkOrder.WriteUInt16(packet + Ipv6Header.PayloadLength, (ushort)(length - ipHeaderLength));
        }
        else
        {
            NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, (ushort)length);
            Unsafe.WriteUnaligned(packet + Ipv4Header.HeaderChecksum, draft->IpChecksum);
        }

        if (MergeRule.Protocol(packet) == Ipv4Header.Tcp)
        {
            transport[TcpHeader.Flags] = draft->FirstFlags;
            Unsafe.WriteUnaligned(transport + TcpHeader.Checksum, draft->TransportChecksum);
        }
        else
        {
            NetworkOrder.WriteUInt16(transport + UdpHeader.Length, (ushort)(length - ipHeaderLength));
            Unsafe.WriteUnaligned(transport + UdpHeader.Checksum, draft->TransportChecksum);
        }
    }
}
