// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// Which packets may be coalesced: those that the kernel's inet_gro_receive, tcp_gro_receive and udp_gro_receive would
/// merge, so that cutting the superpacket again gives the same packets. All methods take IPv4 and IPv6 packets whose IP
/// header has neither options nor extensions and whose length is the IP header's.
/// </summary>
internal static unsafe class MergeRule
{
    /// <summary>Length of the IP header, of a packet that may be merged.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IpHeaderLength(byte* packet) => IsV6(packet) ? Ipv6Header.Length : Ipv4Header.MinLength;

    /// <summary>TCP or UDP, of a packet that may be merged.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Protocol(byte* packet) => packet[IsV6(packet) ? Ipv6Header.NextHeader : Ipv4Header.Protocol];

    /// <summary>
    /// Length of both headers of a TCP packet that may be merged, else 0. Of the flags only ACK, PSH and FIN can be
    /// carried by a superpacket; the bits beside the data offset are reserved or ECN's.
    /// </summary>
    /// <param name="packet">Of TCP, without a fault.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TcpHeaderLength(in PacketView packet)
    {
        byte* tcp = packet.Transport;
        int offset = tcp[TcpHeader.DataOffset];
        int headerLength = packet.TransportOffset + ((offset >> 4) * 4);
        bool mergeable =
            (offset & 0x0F) == 0
            && headerLength < packet.Length
            && (tcp[TcpHeader.Flags] & ~(TcpHeader.Push | TcpHeader.Fin)) == TcpHeader.Ack;
        return mergeable ? headerLength : 0;
    }

    /// <summary>
    /// Length of both headers of a UDP packet that may be merged, else 0. Without a checksum there is nothing to
    /// verify.
    /// </summary>
    /// <param name="packet">Of UDP, without a fault.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int UdpHeaderLength(in PacketView packet)
    {
        byte* udp = packet.Transport;
        bool mergeable =
            packet.TransportLength > UdpHeader.Size
            && NetworkOrder.ReadUInt16(udp + UdpHeader.Length) == packet.TransportLength
            && Unsafe.ReadUnaligned<ushort>(udp + UdpHeader.Checksum) != 0;
        return mergeable ? packet.TransportOffset + UdpHeader.Size : 0;
    }

    /// <summary>Whether nothing may follow a TCP packet in its group: PSH and FIN belong to the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ClosesGroup(in PacketView packet) =>
        (packet.Transport[TcpHeader.Flags] & (TcpHeader.Push | TcpHeader.Fin)) != 0;

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
        IsV6(packet)
            ? SameUInt32(first, packet) // version, traffic class, flow label
                && SameUInt16(first + Ipv6Header.NextHeader, packet + Ipv6Header.NextHeader) // and hop limit
            : SameUInt16(first, packet) // version, header length, TOS
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
        int ipHeaderLength = IpHeaderLength(packet);
        byte* a = first + ipHeaderLength;
        byte* b = packet + ipHeaderLength;
        if (
            NetworkOrder.ReadUInt32(b + TcpHeader.Sequence) != nextSequence
            || !SameUInt32(a + TcpHeader.Acknowledgment, b + TcpHeader.Acknowledgment)
            || !SameUInt16(a + TcpHeader.Window, b + TcpHeader.Window)
            || !SameUInt16(a + TcpHeader.UrgentPointer, b + TcpHeader.UrgentPointer)
        )
        {
            return false;
        }

        for (int i = TcpHeader.MinLength; i < headerLength - ipHeaderLength; i += 4)
        {
            if (!SameUInt32(a + i, b + i))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the IPv4 header checksum and the TCP or UDP checksum of a whole packet are right.</summary>
    public static bool Verify(byte* packet, int length) =>
        (IsV6(packet) || Checksum.VerifyIpv4Header(packet, Ipv4Header.MinLength))
        && Checksum.VerifyTransport(packet, Protocol(packet), IpHeaderLength(packet), length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsV6(byte* packet) => packet[0] >> 4 == 6;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SameUInt16(byte* a, byte* b) =>
        Unsafe.ReadUnaligned<ushort>(a) == Unsafe.ReadUnaligned<ushort>(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool SameUInt32(byte* a, byte* b) => Unsafe.ReadUnaligned<uint>(a) == Unsafe.ReadUnaligned<uint>(b);
}
