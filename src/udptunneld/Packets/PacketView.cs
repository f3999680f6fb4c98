// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>What part of a packet it is.</summary>
internal enum FragmentPart : byte
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary>The first fragment, which has the transport header.</summary>
    First,

    /// <summary>A later fragment, which has no ports.</summary>
    Later,
}

/// <summary>
/// An IPv4 or IPv6 packet, parsed once and handed on: everybody behind the door reads its version, transport protocol,
/// ports and fragment from here. It points to the packet and is valid as long as its bytes are where they were.
/// </summary>
/// <remarks>
/// What does not parse is dropped by the filter, so that both ends read the same ports from what passes. The IPv4
/// header's checksum, TTL and options and the transport's checksum are not looked at: the kernel that gets the packet
/// does that (ip_rcv), and a packet that it drops for them opened no more than its sender could have opened with a good
/// one.
/// </remarks>
internal readonly unsafe struct PacketView
{
    /// <summary>The upper half of an IPv4 address in its mapped form is 0, the lower one begins with this.</summary>
    public const ulong MappedPrefix = 0xFFFF_0000_0000;

    private const ushort OffsetMask = 0x1FFF;
    private const int OffsetUnit = 8;

    // RFC 792 and RFC 4443: type, code, checksum and four more bytes in each message.
    private const int IcmpHeaderLength = 8;

    private PacketView(byte* start, int length)
    {
        Start = start;
        Length = length;
    }

    /// <summary>First byte of the IP header.</summary>
    public byte* Start { get; }

    /// <summary>Length of the packet, in bytes.</summary>
    public int Length { get; }

    /// <summary>
    /// None if the packet is one of TCP, UDP or ICMP whose headers are there as a whole and do not contradict it; else
    /// NotIpv4 (neither IPv4 nor IPv6), Malformed or Protocol. With a fault nothing of the transport may be read.
    /// </summary>
    public DropReason Fault { get; private init; }

    /// <summary>4 or 6; 0 if it is neither.</summary>
    public byte Version { get; private init; }

    /// <summary>
    /// TCP, UDP, ICMP (also for ICMPv6: see <see cref="Version"/>) or a number that is not looked into.
    /// </summary>
    public byte Protocol { get; private init; }

    /// <summary>Whether it is a fragment, and which.</summary>
    public FragmentPart Part { get; private init; }

    /// <summary>Where the transport header is, or what follows the fragment header.</summary>
    public ushort TransportOffset { get; private init; }

    /// <summary>Identification of a fragment's packet: 16 bits for IPv4, 32 for IPv6.</summary>
    public uint FragmentId { get; private init; }

    /// <summary>First byte of the transport header.</summary>
    public byte* Transport => Start + TransportOffset;

    /// <summary>Bytes of the transport header and what follows it.</summary>
    public int TransportLength => Length - TransportOffset;

    /// <summary>Whether the packet is IPv6.</summary>
    public bool IsV6 => Version == 6;

    /// <summary>Whether the IP header has neither options nor extensions.</summary>
    public bool IsPlain => TransportOffset == (IsV6 ? Ipv6Header.Length : Ipv4Header.MinLength);

    /// <summary>Source and destination port of TCP and UDP, as one number.</summary>
    public uint Ports => NetworkOrder.ReadUInt32(Transport);

    /// <summary>SYN, FIN and RST of a TCP header; 0 for UDP.</summary>
    public byte ConnectionFlags =>
        Protocol == Ipv4Header.Tcp
            ? (byte)(Transport[TcpHeader.Flags] & (TcpHeader.Syn | TcpHeader.Fin | TcpHeader.Reset))
            : (byte)0;

    /// <summary>First 64 bits of the source address, IPv4 in its mapped form.</summary>
    public ulong SourceHigh => IsV6 ? Read64(Ipv6Header.Source) : 0;

    /// <summary>Last 64 bits of the source address.</summary>
    public ulong SourceLow =>
        IsV6 ? Read64(Ipv6Header.Source + 8) : MappedPrefix | NetworkOrder.ReadUInt32(Start + Ipv4Header.Source);

    /// <summary>First 64 bits of the destination address.</summary>
    public ulong DestinationHigh => IsV6 ? Read64(Ipv6Header.Destination) : 0;

    /// <summary>Last 64 bits of the destination address.</summary>
    public ulong DestinationLow =>
        IsV6
            ? Read64(Ipv6Header.Destination + 8)
            : MappedPrefix | NetworkOrder.ReadUInt32(Start + Ipv4Header.Destination);

    /// <summary>Parses a packet or superpacket.</summary>
    /// <param name="packet">First byte of the packet.</param>
    /// <param name="length">Length of the packet, in bytes; no byte behind it is read.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PacketView Parse(byte* packet, int length)
    {
        if (length >= Ipv4Header.MinLength && packet[0] == Ipv4Header.VersionAndMinLength)
        {
            return ParseV4(packet, length, Ipv4Header.MinLength);
        }

        return ParseSlowly(packet, length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static PacketView ParseSlowly(byte* packet, int length)
    {
        int version = length > 0 ? packet[0] >> 4 : 0;
        if (version == 6)
        {
            return ParseV6(packet, length);
        }

        if (version != 4)
        {
            return new PacketView(packet, length) { Fault = DropReason.NotIpv4 };
        }

        int headerLength = (packet[0] & 0x0F) * 4;
        return length < Ipv4Header.MinLength || headerLength < Ipv4Header.MinLength || headerLength > length
            ? new PacketView(packet, length) { Version = 4, Fault = DropReason.Malformed }
            : ParseV4(packet, length, headerLength);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PacketView ParseV4(byte* packet, int length, int headerLength)
    {
        byte protocol = packet[Ipv4Header.Protocol];
        int fragmentWord = NetworkOrder.ReadUInt16(packet + Ipv4Header.FragmentWord);

        // Bytes behind the total length would be an unchecked stowaway: the device gives none, and a peer has no reason
        // to.
        DropReason fault =
            NetworkOrder.ReadUInt16(packet + Ipv4Header.TotalLength) != length ? DropReason.Malformed
            : protocol is not (Ipv4Header.Tcp or Ipv4Header.Udp or Ipv4Header.Icmp) ? DropReason.Protocol
            : DropReason.None;
        if (fault == DropReason.None && (fragmentWord & Ipv4Header.FragmentMask) != 0)
        {
            return ParseFragmentV4(packet, length, headerLength, fragmentWord);
        }

        return new PacketView(packet, length)
        {
            Version = 4,
            Protocol = protocol,
            TransportOffset = (ushort)headerLength,
            Fault =
                fault != DropReason.None
                || IsWellFormed(protocol, packet + headerLength, length - headerLength, whole: true)
                    ? fault
                    : DropReason.Malformed,
        };
    }

    private static PacketView ParseFragmentV4(byte* packet, int length, int headerLength, int fragmentWord)
    {
        int offset = (fragmentWord & OffsetMask) * OffsetUnit;
        byte protocol = packet[Ipv4Header.Protocol];

        // Offset 8 lies within the TCP header, whose flags it could replace (RFC 1858, section 4; RFC 3128). Ports are
        // in the first 8 bytes, which no later fragment can reach.
        bool isGood =
            IsPossible(offset, (fragmentWord & Ipv4Header.MoreFragments) != 0, length - headerLength, length)
            && (
                offset == 0
                    ? IsWellFormed(protocol, packet + headerLength, length - headerLength, whole: false)
                    : offset != OffsetUnit || protocol != Ipv4Header.Tcp
            );
        return new PacketView(packet, length)
        {
            Version = 4,
            Protocol = protocol,
            TransportOffset = (ushort)headerLength,
            Part = offset == 0 ? FragmentPart.First : FragmentPart.Later,
            FragmentId = NetworkOrder.ReadUInt16(packet + Ipv4Header.Id),
            Fault = isGood ? DropReason.None : DropReason.Malformed,
        };
    }

    /// <summary>
    /// The chain of headers must end, within <see cref="Ipv6Header.MaxExtensions"/>, in a transport header that is
    /// there as a whole, also in a first fragment (RFC 7112). Hop-by-hop options come first or not at all; a routing
    /// header with destinations left would take the packet past this filter (RFC 5095), and so would a protocol that is
    /// not looked into.
    /// </summary>
    private static PacketView ParseV6(byte* packet, int length)
    {
        var view = new PacketView(packet, length) { Version = 6, Fault = DropReason.Malformed };
        if (
            length < Ipv6Header.Length
            || NetworkOrder.ReadUInt16(packet + Ipv6Header.PayloadLength) != length - Ipv6Header.Length
        )
        {
            return view;
        }

        byte next = packet[Ipv6Header.NextHeader];
        int offset = Ipv6Header.Length;
        var part = FragmentPart.Whole;
        uint id = 0;
        for (int extension = 0; ; extension++)
        {
            if (
                next
                is not (
                    Ipv6Header.HopByHop
                    or Ipv6Header.Routing
                    or Ipv6Header.Fragment
                    or Ipv6Header.DestinationOptions
                )
            )
            {
                break;
            }

            // Each is a multiple of 8 bytes long; the second byte counts those behind the first 8.
            if (
                extension == Ipv6Header.MaxExtensions
                || offset + 8 > length
                || (next == Ipv6Header.HopByHop && extension > 0)
            )
            {
                return view with { Part = part, FragmentId = id };
            }

            byte* header = packet + offset;
            if (next == Ipv6Header.Fragment)
            {
                int word = NetworkOrder.ReadUInt16(header + 2);
                int at = word & ~7;
                bool more = (word & 1) != 0;
                offset += Ipv6Header.FragmentLength;
                if (part != FragmentPart.Whole)
                {
                    return view with { Part = part, FragmentId = id };
                }

                // One that is first and last at once is no fragment (RFC 6946).
                part =
                    at > 0 ? FragmentPart.Later
                    : more ? FragmentPart.First
                    : FragmentPart.Whole;
                id = NetworkOrder.ReadUInt32(header + 4);
                bool isPossible = IsPossible(at, more, length - offset, length);
                if (part == FragmentPart.Later || !isPossible)
                {
                    return view with
                    {
                        Part = part,
                        FragmentId = id,
                        Protocol = ProtocolOf(header[0]),
                        TransportOffset = (ushort)offset,
                        Fault = isPossible ? DropReason.None : DropReason.Malformed,
                    };
                }
            }
            else
            {
                if (next == Ipv6Header.Routing && header[3] != 0)
                {
                    return view with { Part = part, FragmentId = id };
                }

                offset += (header[1] + 1) * 8;
            }

            next = header[0];
        }

        byte protocol = ProtocolOf(next);
        bool isKnown = protocol is Ipv4Header.Tcp or Ipv4Header.Udp or Ipv4Header.Icmp;
        return view with
        {
            Part = part,
            FragmentId = id,
            Protocol = protocol,
            TransportOffset = (ushort)Math.Min(offset, length),
            Fault =
                !isKnown ? DropReason.Protocol
                : offset <= length
                && IsWellFormed(protocol, packet + offset, length - offset, part == FragmentPart.Whole)
                    ? DropReason.None
                : DropReason.Malformed,
        };
    }

    /// <summary>
    /// ICMPv6 goes by the number of ICMP, and that number, which means nothing in IPv6, by one that is nobody's.
    /// </summary>
    private static byte ProtocolOf(byte nextHeader) =>
        nextHeader switch
        {
            Ipv6Header.Icmp => Ipv4Header.Icmp,
            Ipv4Header.Icmp => byte.MaxValue,
            _ => nextHeader,
        };

    /// <summary>
    /// RFC 791, section 3.2: only the last fragment may end off the 8-byte grid; and no packet is longer than its
    /// length field can say.
    /// </summary>
    private static bool IsPossible(int offset, bool more, int fragmentLength, int length) =>
        (!more || fragmentLength % OffsetUnit == 0) && offset + length <= Ipv4Header.MaxPacketLength;

    /// <summary>
    /// Whether the transport header is there as a whole and does not contradict the packet. A first fragment too must
    /// hold all of it: else the rest would come in a fragment that nobody looks at (RFC 1858, section 3).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsWellFormed(byte protocol, byte* header, int length, bool whole)
    {
        switch (protocol)
        {
            case Ipv4Header.Tcp:
                if (length < TcpHeader.MinLength)
                {
                    return false;
                }

                int headerLength = (header[TcpHeader.DataOffset] >> 4) * 4;
                return headerLength >= TcpHeader.MinLength && headerLength <= length;

            case Ipv4Header.Udp:
                if (length < UdpHeader.Size)
                {
                    return false;
                }

                // Of a fragmented datagram this is the length of the whole, of a superpacket likewise (seen with
                // UDP_SEGMENT on a device with USO). It may be less than what is there: the kernel cuts the surplus off
                // (__udp4_lib_rcv), RFC 9868 uses it.
                int datagramLength = NetworkOrder.ReadUInt16(header + UdpHeader.Length);
                return datagramLength >= UdpHeader.Size && (datagramLength <= length || !whole);

            default:
                return length >= IcmpHeaderLength;
        }
    }

    private ulong Read64(int offset) =>
        BinaryPrimitives.ReadUInt64BigEndian(new ReadOnlySpan<byte>(Start + offset, sizeof(ulong)));
}
