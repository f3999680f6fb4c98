using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Which packets may be coalesced: those that the kernel's inet_gro_receive, tcp_gro_receive and udp_gro_receive would
/// merge, so that cutting the superpacket again gives the same packets. All methods take packets whose IP header has no
/// options and whose length is the IP header's.
/// </summary>
internal static unsafe class MergeRule
{
    /// <summary>
    /// Length of both headers of a TCP packet that may be merged, else 0. Of the flags only ACK, PSH and FIN can be
    /// carried by a superpacket; the bits beside the data offset are reserved or ECN's.
    /// </summary>
    /// <param name="packet">First byte of the IP header.</param>
    /// <param name="length">Length of the packet, at least 28.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TcpHeaderLength(byte* packet, int length)
    {
        if (length <= Ipv4Header.MinLength + TcpHeader.MinLength)
        {
            return 0;
        }

        byte* tcp = packet + Ipv4Header.MinLength;
        int offset = tcp[TcpHeader.DataOffset];
        int headerLength = Ipv4Header.MinLength + ((offset >> 4) * 4);
        bool mergeable = (offset & 0x0F) == 0
            && headerLength >= Ipv4Header.MinLength + TcpHeader.MinLength
            && headerLength < length
            && (tcp[TcpHeader.Flags] & ~(TcpHeader.Push | TcpHeader.Fin)) == TcpHeader.Ack;
        return mergeable ? headerLength : 0;
    }

    /// <summary>
    /// Length of both headers of a UDP packet that may be merged, else 0. Without a checksum there is nothing to
    /// verify.
    /// </summary>
    /// <param name="packet">First byte of the IP header.</param>
    /// <param name="length">Length of the packet, at least 28.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int UdpHeaderLength(byte* packet, int length)
    {
        const int HeaderLength = Ipv4Header.MinLength + UdpHeader.Size;
        byte* udp = packet + Ipv4Header.MinLength;
        bool mergeable = length > HeaderLength
            && NetworkOrder.ReadUInt16(udp + UdpHeader.Length) == length - Ipv4Header.MinLength
            && Unsafe.ReadUnaligned<ushort>(udp + UdpHeader.Checksum) != 0;
        return mergeable ? HeaderLength : 0;
    }

    /// <summary>Whether nothing may follow a TCP packet in its group: PSH and FIN belong to the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ClosesGroup(byte* packet) =>
        (packet[Ipv4Header.MinLength + TcpHeader.Flags] & (TcpHeader.Push | TcpHeader.Fin)) != 0;

    /// <summary>
    /// Whether the IP headers agree, of two packets of one flow (so addresses and protocol are not looked at). The id
    /// must count up, or later fragments of the packets cut from the superpacket might be put together wrongly; where
    /// DF forbids fragments it means nothing (RFC 6864, section 4.1).
    /// </summary>
    /// <param name="first">First packet of the group.</param>
    /// <param name="packet">The packet that may join.</param>
    /// <param name="nextId">One more than the id of the packet before.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool SameIpHeader(byte* first, byte* packet, ushort nextId) =>
        SameUInt16(first, packet) // version, header length, TOS
        && SameUInt16(first + Ipv4Header.FragmentWord, packet + Ipv4Header.FragmentWord)
        && SameUInt16(first + Ipv4Header.TimeToLive, packet + Ipv4Header.TimeToLive)
        && (NetworkOrder.ReadUInt16(packet + Ipv4Header.Id) == nextId || packet[Ipv4Header.FragmentWord] != 0);

    /// <summary>
    /// Whether a TCP header agrees with the first one of the group, of packets of one flow and one header length whose
    /// flags allow merging, and continues the stream.
    /// </summary>
    /// <param name="first">First packet of the group.</param>
    /// <param name="packet">The packet that may join.</param>
    /// <param name="headerLength">Length of the IP and TCP header of both.</param>
    /// <param name="nextSequence">The sequence number that the packet must have.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool SameTcpHeader(byte* first, byte* packet, int headerLength, uint nextSequence)
    {
        byte* a = first + Ipv4Header.MinLength;
        byte* b = packet + Ipv4Header.MinLength;
        if (NetworkOrder.ReadUInt32(b + TcpHeader.Sequence) != nextSequence
            || !SameUInt32(a + TcpHeader.Acknowledgment, b + TcpHeader.Acknowledgment)
            || !SameUInt16(a + TcpHeader.Window, b + TcpHeader.Window)
            || !SameUInt16(a + TcpHeader.UrgentPointer, b + TcpHeader.UrgentPointer))
        {
            return false;
        }

        for (int i = TcpHeader.MinLength; i < headerLength - Ipv4Header.MinLength; i += 4)
        {
            if (!SameUInt32(a + i, b + i))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the IP header checksum and the TCP or UDP checksum of a whole packet are right.</summary>
    public static bool Verify(byte* packet, int length) =>
        Checksum.VerifyIpv4Header(packet, Ipv4Header.MinLength)
        && Checksum.VerifyTransport(packet, Ipv4Header.MinLength, length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SameUInt16(byte* a, byte* b) => Unsafe.ReadUnaligned<ushort>(a) == Unsafe.ReadUnaligned<ushort>(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SameUInt32(byte* a, byte* b) => Unsafe.ReadUnaligned<uint>(a) == Unsafe.ReadUnaligned<uint>(b);
}
