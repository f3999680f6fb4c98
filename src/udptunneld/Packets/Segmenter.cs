// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Cuts superpackets (TSO, USO) into packets as the kernel's tcp_gso_segment and __udp_gso_segment would, with valid
/// checksums and no longer than the path takes, and IPv4 packets into fragments (RFC 791). Each becomes a pair of
/// slices in a <see cref="SendBatch"/>: its headers, written anew, and its payload, which stays where it is.
/// <code>
///   superpacket            [IP | TCP | payload .......................................]
///                            |           \__________ \__________ \___
///   datagrams   [wire | IP | TCP][payload]  [wire | IP | TCP][payload]  ...
///                header arena     slice      header arena     slice
/// </code>
/// </summary>
/// <param name="sealer">Seals each datagram.</param>
internal sealed unsafe class Segmenter(ISealer sealer)
{
    // Offsets of fragments count in these.
    private const int FragmentUnit = 8;

    private readonly int _headroom = sealer.Headroom;
    private readonly int _tailroom = sealer.Tailroom;

    /// <summary>Most bytes of a packet that a datagram can carry.</summary>
    public int MaxPacket { get; } = SendBatch.MaxRunBytes - sealer.Headroom - sealer.Tailroom;

    /// <summary>Checks a superpacket and finds out how it is to be cut. Nothing is written.</summary>
    /// <param name="packet">The superpacket, whatever it is.</param>
    /// <param name="header">
    /// Its virtio header, with a GSO type. The header length in it is not trusted: the kernel calls it a hint.
    /// </param>
    /// <param name="mtu">Most bytes of a packet, headers included; at most <see cref="MaxPacket"/>.</param>
    /// <param name="plan">How to cut it, if the result is <see cref="DropReason.None"/>.</param>
    /// <returns>
    /// <see cref="DropReason.NotIpv4"/> (nor IPv6); <see cref="DropReason.Malformed"/> if a length, the protocol or the
    /// virtio header contradicts the bytes, for a fragment, a GSO type that was never asked for, headers longer than
    /// <see cref="SendBatch.MaxPacketHeader"/> or more than <see cref="SendBatch.MaxDatagrams"/> packets;
    /// <see cref="DropReason.TooBig"/> if a UDP datagram exceeds <paramref name="mtu"/>: its size is the application's
    /// choice, it cannot be cut smaller.
    /// </returns>
    public DropReason Plan(in PacketView packet, in VirtioNetHeader header, int mtu, out CutPlan plan)
    {
        plan = default;
        if (packet.Version == 0)
        {
            return DropReason.NotIpv4;
        }

        int length = packet.Length;
        int ipHeaderLength = packet.TransportOffset;
        if (
            packet.Fault != DropReason.None
            || packet.Part != FragmentPart.Whole
            || length > Ipv4Header.MaxPacketLength
            || header.GsoSize == 0
        )
        {
            return DropReason.Malformed;
        }

        int headerLength;
        int checksumOffset;
        byte tcp = packet.IsV6 ? VirtioNetHeader.TcpV6 : VirtioNetHeader.TcpV4;
        if ((header.GsoType & ~VirtioNetHeader.Ecn) == tcp && packet.Protocol == Ipv4Header.Tcp)
        {
            headerLength = ipHeaderLength + ((packet.Transport[TcpHeader.DataOffset] >> 4) * 4);
            checksumOffset = TcpHeader.Checksum;
        }
        else if (
            header.GsoType == VirtioNetHeader.UdpL4
            && packet.Protocol == Ipv4Header.Udp
            && NetworkOrder.ReadUInt16(packet.Transport + UdpHeader.Length) == packet.TransportLength
        )
        {
            headerLength = ipHeaderLength + UdpHeader.Size;
            checksumOffset = UdpHeader.Checksum;
        }
        else
        {
            return DropReason.Malformed;
        }

        if (
            headerLength > SendBatch.MaxPacketHeader
            || (
                (header.Flags & VirtioNetHeader.NeedsChecksum) != 0
                && (header.ChecksumStart != ipHeaderLength || header.ChecksumOffset != checksumOffset)
            )
        )
        {
            return DropReason.Malformed;
        }

        int payload = length - headerLength;
        int segmentSize = header.GsoSize;
        int room = mtu - headerLength;
        if (Math.Min(segmentSize, payload) > room)
        {
            if (packet.Protocol == Ipv4Header.Udp || room <= 0)
            {
                return DropReason.TooBig;
            }

            segmentSize = room;
        }

        // A header without payload is still one packet.
        int datagrams = payload == 0 ? 1 : ((payload - 1) / segmentSize) + 1;
        if (datagrams > SendBatch.MaxDatagrams)
        {
            return DropReason.Malformed;
        }

        plan = new CutPlan
        {
            Superpacket = packet,
            HeaderLength = headerLength,
            SegmentSize = segmentSize,
            Datagrams = datagrams,
        };
        return DropReason.None;
    }

    /// <summary>Finds out how a packet is to be fragmented. Nothing is written.</summary>
    /// <param name="packet">A packet of IPv4 without a fault, or a fragment; its checksums are right.</param>
    /// <param name="mtu">Most bytes of a fragment, headers included; at most <see cref="MaxPacket"/>.</param>
    /// <param name="plan">How to cut it, if the answer is true.</param>
    /// <returns>False if it must not be fragmented, or cannot.</returns>
    public static bool TryPlanFragments(in PacketView packet, int mtu, out CutPlan plan)
    {
        plan = default;
        if (packet.Version != 4)
        {
            return false;
        }

        int headerLength = (packet.Start[0] & 0x0F) * 4;
        int size = (mtu - headerLength) & -FragmentUnit;
        if (
            size <= 0
            || packet.Length > Ipv4Header.MaxPacketLength
            || (NetworkOrder.ReadUInt16(packet.Start + Ipv4Header.FragmentWord) & Ipv4Header.DontFragment) != 0
        )
        {
            return false;
        }

        plan = new CutPlan
        {
            Superpacket = packet,
            IsFragmented = true,
            HeaderLength = headerLength,
            SegmentSize = size,
            Datagrams = ((packet.Length - headerLength - 1) / size) + 1,
        };
        return true;
    }

    /// <summary>
    /// Cuts a superpacket, or a packet into fragments, into a batch. All checksums of a superpacket's packets are
    /// computed from the bytes, whatever its fields hold. Its payload must stay unchanged until the batch is cleared;
    /// its headers are copied.
    /// </summary>
    /// <returns>False, and nothing is added, if the batch has not enough room; an empty one has.</returns>
    /// <remarks>
    /// A transport without a tail sees the headers only: they and the payload become two slices. One with a tail needs
    /// the datagram in one piece, and so a copy of the payload behind the headers.
    /// </remarks>
    public bool TryCut(in CutPlan plan, SendBatch batch)
    {
        int overhead = plan.Datagrams * (_headroom + _tailroom + plan.HeaderLength);
        if (
            _tailroom == 0
                ? !batch.HasRoomFor(plan.Datagrams)
                : !batch.HasRoomFor(plan.Datagrams, plan.Length + overhead)
        )
        {
            return false;
        }

        if (plan.IsFragmented)
        {
            CutFragments(plan, batch);
        }
        else if (plan.Superpacket.Protocol == Ipv4Header.Tcp)
        {
            CutTcp(plan, batch);
        }
        else
        {
            CutUdp(plan, batch);
        }

        return true;
    }

    private void CutTcp(in CutPlan plan, SendBatch batch)
    {
        byte* tcp = plan.Packet + plan.IpHeaderLength;
        int transportHeader = plan.HeaderLength - plan.IpHeaderLength;
        ulong ipSum = InvariantIpSum(plan);

        // What is the same in each packet is summed once: all but sequence, flags (with the byte before them), length
        // and checksum.
        ulong tcpSum =
            Checksum.Sum(tcp, TcpHeader.Sequence)
            + Checksum.Sum(tcp + TcpHeader.Acknowledgment, TcpHeader.DataOffset - TcpHeader.Acknowledgment)
            + Checksum.Sum(tcp + TcpHeader.Window, TcpHeader.Checksum - TcpHeader.Window)
            + Checksum.Sum(tcp + TcpHeader.UrgentPointer, transportHeader - TcpHeader.UrgentPointer)
            + Checksum.PseudoHeader(plan.Packet, plan.Superpacket.Protocol, 0);

        uint sequence = NetworkOrder.ReadUInt32(tcp + TcpHeader.Sequence);
        ushort id = FirstId(plan);
        ushort flags = NetworkOrder.ReadUInt16(tcp + TcpHeader.DataOffset);
        byte* payload = plan.Packet + plan.HeaderLength;
        int left = plan.Length - plan.HeaderLength;

        // CWR answers one congestion signal and must be seen once (RFC 3168, section 6.1.2), with or without the ECN
        // bit of the GSO type.
        ushort notLast = unchecked((ushort)~(TcpHeader.Fin | TcpHeader.Push));
        ushort notFirst = ushort.MaxValue;
        for (int i = 0; i < plan.Datagrams; i++)
        {
            int size = Math.Min(left, plan.SegmentSize);
            byte* header = StartHeader(plan, batch, ipSum, id, size);
            ushort packetFlags = (ushort)(flags & notFirst & (size == left ? ushort.MaxValue : notLast));
            byte* transport = header + plan.IpHeaderLength;
            NetworkOrder.WriteUInt32(transport + TcpHeader.Sequence, sequence);
            NetworkOrder.WriteUInt16(transport + TcpHeader.DataOffset, packetFlags);
            ushort checksum = Checksum.Finish(
                tcpSum
                    + Checksum.SumOf(sequence)
                    + Checksum.SumOf(packetFlags)
                    + Checksum.SumOf((ushort)(transportHeader + size))
                    + Checksum.Sum(payload, size)
            );
            Unsafe.WriteUnaligned(transport + TcpHeader.Checksum, checksum);
            Commit(plan, batch, payload, size);

            notFirst = unchecked((ushort)~TcpHeader.CongestionWindowReduced);
            id++;
            sequence += (uint)size;
            payload += size;
            left -= size;
        }
    }

    private void CutUdp(in CutPlan plan, SendBatch batch)
    {
        ulong ipSum = InvariantIpSum(plan);
        ulong udpSum =
            Checksum.Sum(plan.Packet + plan.IpHeaderLength, UdpHeader.Length)
            + Checksum.PseudoHeader(plan.Packet, plan.Superpacket.Protocol, 0);
        ushort id = FirstId(plan);
        byte* payload = plan.Packet + plan.HeaderLength;
        int left = plan.Length - plan.HeaderLength;
        for (int i = 0; i < plan.Datagrams; i++)
        {
            int size = Math.Min(left, plan.SegmentSize);
            byte* transport = StartHeader(plan, batch, ipSum, id, size) + plan.IpHeaderLength;
            var length = (ushort)(UdpHeader.Size + size);
            NetworkOrder.WriteUInt16(transport + UdpHeader.Length, length);

            // The length counts twice: in the header and in the pseudo-header.
            ushort checksum = Checksum.FinishUdp(udpSum + (2 * Checksum.SumOf(length)) + Checksum.Sum(payload, size));
            Unsafe.WriteUnaligned(transport + UdpHeader.Checksum, checksum);
            Commit(plan, batch, payload, size);

            id++;
            payload += size;
            left -= size;
        }
    }

    /// <summary>
    /// All options go with each fragment: those that RFC 791 has in the first one alone do no harm in others.
    /// </summary>
    private void CutFragments(in CutPlan plan, SendBatch batch)
    {
        ushort word = NetworkOrder.ReadUInt16(plan.Packet + Ipv4Header.FragmentWord);
        byte* payload = plan.Packet + plan.HeaderLength;
        int left = plan.Length - plan.HeaderLength;
        for (int i = 0; i < plan.Datagrams; i++)
        {
            int size = Math.Min(left, plan.SegmentSize);
            byte* header = batch.NextHeader + _headroom;
            Unsafe.CopyBlockUnaligned(header, plan.Packet, (uint)plan.HeaderLength);
            NetworkOrder.WriteUInt16(header + Ipv4Header.TotalLength, (ushort)(plan.HeaderLength + size));
            NetworkOrder.WriteUInt16(
                header + Ipv4Header.FragmentWord,
                (ushort)(word | (size < left ? Ipv4Header.MoreFragments : 0))
            );
            Unsafe.WriteUnaligned(header + Ipv4Header.HeaderChecksum, (ushort)0);
            Unsafe.WriteUnaligned(
                header + Ipv4Header.HeaderChecksum,
                Checksum.Finish(Checksum.Sum(header, plan.HeaderLength))
            );
            Commit(plan, batch, payload, size);

            word += (ushort)(size / FragmentUnit);
            payload += size;
            left -= size;
        }
    }

    /// <summary>
    /// Sum of the IPv4 header without the fields that differ from packet to packet: total length, id, checksum. IPv6
    /// has none.
    /// </summary>
    private static ulong InvariantIpSum(in CutPlan plan) =>
        plan.Superpacket.IsV6
            ? 0
            : Checksum.Sum(plan.Packet, Ipv4Header.TotalLength)
                + Checksum.Sum(
                    plan.Packet + Ipv4Header.FragmentWord,
                    Ipv4Header.HeaderChecksum - Ipv4Header.FragmentWord
                )
                + Checksum.Sum(plan.Packet + Ipv4Header.Source, plan.IpHeaderLength - Ipv4Header.Source);

    private static ushort FirstId(in CutPlan plan) =>
        plan.Superpacket.IsV6 ? (ushort)0 : NetworkOrder.ReadUInt16(plan.Packet + Ipv4Header.Id);

    /// <summary>Copies the headers behind room for the transport's and finishes the IP header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* StartHeader(in CutPlan plan, SendBatch batch, ulong ipSum, ushort id, int payloadLength)
    {
        byte* header = batch.NextHeader + _headroom;
        Unsafe.CopyBlockUnaligned(header, plan.Packet, (uint)plan.HeaderLength);
        int length = plan.HeaderLength + payloadLength;
        if (plan.Superpacket.IsV6)
        {
            NetworkOrder.WriteUInt16(header + Ipv6Header.PayloadLength, (ushort)(length - Ipv6Header.Length));
            return header;
        }

        var totalLength = (ushort)length;
        NetworkOrder.WriteUInt16(header + Ipv4Header.TotalLength, totalLength);
        NetworkOrder.WriteUInt16(header + Ipv4Header.Id, id);
        Unsafe.WriteUnaligned(
            header + Ipv4Header.HeaderChecksum,
            Checksum.Finish(ipSum + Checksum.SumOf(totalLength) + Checksum.SumOf(id))
        );
        return header;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Commit(in CutPlan plan, SendBatch batch, byte* payload, int size)
    {
        int packetLength = plan.HeaderLength + size;
        if (_tailroom == 0)
        {
            sealer.Seal(batch.NextHeader, packetLength);
            batch.CommitPair(_headroom + plan.HeaderLength, payload, size);
            return;
        }

        Unsafe.CopyBlockUnaligned(batch.NextHeader + _headroom + plan.HeaderLength, payload, (uint)size);
        int length = sealer.Seal(batch.NextHeader, packetLength);
        if (length > 0)
        {
            batch.CommitWhole(length, packetLength);
        }
    }
}
