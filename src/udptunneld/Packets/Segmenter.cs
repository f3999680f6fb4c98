using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Cuts superpackets (TSO, USO) into packets as the kernel's tcp_gso_segment and __udp_gso_segment would, with valid
/// checksums and at most the MTU long. Each becomes a pair of slices in a <see cref="SendBatch"/>: its headers, written
/// anew, and its payload, which stays where it is.
/// <code>
///   superpacket            [IP | TCP | payload .......................................]
///                            |           \__________ \__________ \___
///   datagrams   [wire | IP | TCP][payload]  [wire | IP | TCP][payload]  ...
///                header arena     slice      header arena     slice
/// </code>
/// </summary>
/// <param name="wireFormat">Seals each datagram.</param>
/// <param name="mtu">Most bytes of a packet, headers included.</param>
internal sealed unsafe class Segmenter(IWireFormat wireFormat, int mtu)
{
    private readonly int _wireHeaderLength = wireFormat.HeaderLength;
    private readonly int _maxPacket = Math.Min(mtu, SendBatch.MaxRunBytes - wireFormat.HeaderLength);

    /// <summary>Checks a superpacket and finds out how it is to be cut. Nothing is written.</summary>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="length">Its length; any value.</param>
    /// <param name="header">
    /// Its virtio header, with a GSO type. The header length in it is not trusted: the kernel calls it a hint.
    /// </param>
    /// <param name="plan">How to cut it, if the result is <see cref="DropReason.None"/>.</param>
    /// <returns>
    /// <see cref="DropReason.NotIpv4"/>; <see cref="DropReason.Malformed"/> if a length, the protocol or the virtio
    /// header contradicts the bytes, for a fragment, a GSO type that was never asked for, or more than
    /// <see cref="SendBatch.MaxDatagrams"/> packets; <see cref="DropReason.TooBig"/> if a UDP datagram exceeds the MTU:
    /// its size is the application's choice, it cannot be cut smaller.
    /// </returns>
    public DropReason Plan(byte* packet, int length, in VirtioNetHeader header, out CutPlan plan)
    {
        plan = default;
        if (length < 1 || packet[0] >> 4 != 4)
        {
            return DropReason.NotIpv4;
        }

        int ipHeaderLength = (packet[0] & 0x0F) * 4;
        if (length is < Ipv4Header.MinLength or > Ipv4Header.MaxPacketLength
            || ipHeaderLength < Ipv4Header.MinLength
            || NetworkOrder.ReadUInt16(packet + Ipv4Header.TotalLength) != length
            || (NetworkOrder.ReadUInt16(packet + Ipv4Header.FragmentWord) & Ipv4Header.FragmentMask) != 0
            || header.GsoSize == 0)
        {
            return DropReason.Malformed;
        }

        int headerLength;
        int checksumOffset;
        int protocol = packet[Ipv4Header.Protocol];
        if ((header.GsoType & ~VirtioNetHeader.Ecn) == VirtioNetHeader.TcpV4 && protocol == Ipv4Header.Tcp)
        {
            if (ipHeaderLength + TcpHeader.MinLength > length)
            {
                return DropReason.Malformed;
            }

            int tcpHeaderLength = (packet[ipHeaderLength + TcpHeader.DataOffset] >> 4) * 4;
            headerLength = ipHeaderLength + tcpHeaderLength;
            checksumOffset = TcpHeader.Checksum;
            if (tcpHeaderLength < TcpHeader.MinLength || headerLength > length)
            {
                return DropReason.Malformed;
            }
        }
        else if (header.GsoType == VirtioNetHeader.UdpL4 && protocol == Ipv4Header.Udp)
        {
            headerLength = ipHeaderLength + UdpHeader.Size;
            checksumOffset = UdpHeader.Checksum;
            if (headerLength > length
                || NetworkOrder.ReadUInt16(packet + ipHeaderLength + UdpHeader.Length) != length - ipHeaderLength)
            {
                return DropReason.Malformed;
            }
        }
        else
        {
            return DropReason.Malformed;
        }

        if ((header.Flags & VirtioNetHeader.NeedsChecksum) != 0
            && (header.ChecksumStart != ipHeaderLength || header.ChecksumOffset != checksumOffset))
        {
            return DropReason.Malformed;
        }

        int payload = length - headerLength;
        int segmentSize = header.GsoSize;
        int room = _maxPacket - headerLength;
        if (Math.Min(segmentSize, payload) > room)
        {
            if (protocol == Ipv4Header.Udp || room <= 0)
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
            Packet = packet,
            Length = length,
            IpHeaderLength = ipHeaderLength,
            HeaderLength = headerLength,
            SegmentSize = segmentSize,
            Datagrams = datagrams,
        };
        return DropReason.None;
    }

    /// <summary>
    /// Cuts a superpacket into a batch. All checksums are computed from the bytes, whatever the superpacket's fields
    /// hold. Its payload must stay unchanged until the batch is cleared; its headers are copied.
    /// </summary>
    /// <returns>False, and nothing is added, if the batch has not enough room; an empty one has.</returns>
    /// <remarks>
    /// The wire format sees the headers only, with the length of the whole datagram: enough for one whose header does
    /// not depend on the packet. A format that encrypts or authenticates needs the datagram in one piece and so a copy
    /// of the payload behind the header.
    /// </remarks>
    public bool TryCut(in CutPlan plan, SendBatch batch)
    {
        if (!batch.HasRoomFor(plan.Datagrams))
        {
            return false;
        }

        if (plan.Packet[Ipv4Header.Protocol] == Ipv4Header.Tcp)
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
        ulong tcpSum = Checksum.Sum(tcp, TcpHeader.Sequence)
            + Checksum.Sum(tcp + TcpHeader.Acknowledgment, TcpHeader.DataOffset - TcpHeader.Acknowledgment)
            + Checksum.Sum(tcp + TcpHeader.Window, TcpHeader.Checksum - TcpHeader.Window)
            + Checksum.Sum(tcp + TcpHeader.UrgentPointer, transportHeader - TcpHeader.UrgentPointer)
            + Checksum.PseudoHeader(plan.Packet, 0);

        uint sequence = NetworkOrder.ReadUInt32(tcp + TcpHeader.Sequence);
        ushort id = NetworkOrder.ReadUInt16(plan.Packet + Ipv4Header.Id);
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
                + Checksum.Sum(payload, size));
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
        ulong udpSum = Checksum.Sum(plan.Packet + plan.IpHeaderLength, UdpHeader.Length)
            + Checksum.PseudoHeader(plan.Packet, 0);
        ushort id = NetworkOrder.ReadUInt16(plan.Packet + Ipv4Header.Id);
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
    /// Sum of the IP header without the fields that differ from packet to packet: total length, id, checksum.
    /// </summary>
    private static ulong InvariantIpSum(in CutPlan plan) =>
        Checksum.Sum(plan.Packet, Ipv4Header.TotalLength)
        + Checksum.Sum(plan.Packet + Ipv4Header.FragmentWord, Ipv4Header.HeaderChecksum - Ipv4Header.FragmentWord)
        + Checksum.Sum(plan.Packet + Ipv4Header.Source, plan.IpHeaderLength - Ipv4Header.Source);

    /// <summary>Copies the headers behind room for the wire format's and finishes the IP header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* StartHeader(in CutPlan plan, SendBatch batch, ulong ipSum, ushort id, int payloadLength)
    {
        byte* header = batch.NextHeader + _wireHeaderLength;
        Unsafe.CopyBlockUnaligned(header, plan.Packet, (uint)plan.HeaderLength);
        var totalLength = (ushort)(plan.HeaderLength + payloadLength);
        NetworkOrder.WriteUInt16(header + Ipv4Header.TotalLength, totalLength);
        NetworkOrder.WriteUInt16(header + Ipv4Header.Id, id);
        Unsafe.WriteUnaligned(
            header + Ipv4Header.HeaderChecksum,
            Checksum.Finish(ipSum + Checksum.SumOf(totalLength) + Checksum.SumOf(id)));
        return header;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Commit(in CutPlan plan, SendBatch batch, byte* payload, int size)
    {
        int headerLength = _wireHeaderLength + plan.HeaderLength;
        wireFormat.Seal(batch.NextHeader, headerLength + size);
        batch.CommitPair(headerLength, payload, size);
    }
}
