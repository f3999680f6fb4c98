// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>What an ICMP error says of a packet that goes no further.</summary>
internal enum IcmpErrorKind
{
    /// <summary>Nobody is at that port (ICMP 3/3, ICMPv6 1/4): the sender gives up at once.</summary>
    PortUnreachable,

    /// <summary>A filter does not let it pass (ICMP 3/13, ICMPv6 1/1).</summary>
    Prohibited,

    /// <summary>Nobody is known who takes it (ICMP 3/0, ICMPv6 1/0).</summary>
    NoRoute,

    /// <summary>It is longer than the next link takes, whose MTU is told (ICMP 3/4, ICMPv6 2/0).</summary>
    TooBig,
}

/// <summary>
/// ICMP errors about packets (RFC 792; RFC 4443, section 3), as if the destination itself had sent them. Pure.
/// <code>
///  0             20|40   +1      +2              +4                              +8
///  +-------------+-------+-------+---------------+-------------------------------+------------------------------+
///  | IP header   | type  | code  | checksum      | 0, or MTU                     | the packet, as far as it fits|
///  +-------------+-------+-------+---------------+-------------------------------+------------------------------+
/// </code>
/// </summary>
internal static unsafe class IcmpError
{
    /// <summary>Longest error, in bytes: the least MTU of IPv6 (RFC 4443, section 2.4 (c)).</summary>
    public const int MaxLength = 1280;

    /// <summary>Longest error of IPv4, in bytes (RFC 1812, section 4.3.2.3).</summary>
    public const int MaxLengthV4 = 576;

    private const int HeaderLength = 8;
    private const byte Unreachable = 3;
    private const byte UnreachableV6 = 1;
    private const byte TooBigV6 = 2;
    private const byte FragmentationNeeded = 4;

    // Internetwork control, as routers send errors (RFC 1812, section 4.3.2.5).
    private const byte Precedence = 0xC0;
    private const byte Lifetime = 64;

    /// <summary>Writes the error about a packet.</summary>
    /// <param name="error">Room for <see cref="MaxLength"/> bytes, not within the packet.</param>
    /// <param name="about">The packet, or superpacket.</param>
    /// <param name="kind">What to say.</param>
    /// <param name="mtu">With <see cref="IcmpErrorKind.TooBig"/>: bytes that the next link takes.</param>
    /// <returns>
    /// Length of the error; 0 if there must be none about this packet, see <see cref="IsAnswerable"/>.
    /// </returns>
    public static int Write(byte* error, in PacketView about, IcmpErrorKind kind, int mtu = 0)
    {
        if (!IsAnswerable(about))
        {
            return 0;
        }

        var isV6 = about.IsV6;
        var ipLength = isV6 ? Ipv6Header.Length : Ipv4Header.MinLength;
        var quoted = Math.Min(about.Length, (isV6 ? MaxLength : MaxLengthV4) - ipLength - HeaderLength);
        var length = ipLength + HeaderLength + quoted;
        new Span<byte>(error, ipLength + HeaderLength).Clear();
        var message = error + ipLength;
        Unsafe.CopyBlockUnaligned(message + HeaderLength, about.Start, (uint)quoted);
        (message[0], message[1]) = isV6 ? TypeV6(kind) : (Unreachable, CodeV4(kind));
        if (kind == IcmpErrorKind.TooBig && isV6)
        {
            NetworkOrder.WriteUInt32(message + 4, (uint)mtu);
        }
        else if (kind == IcmpErrorKind.TooBig)
        {
            NetworkOrder.WriteUInt16(message + 6, (ushort)Math.Clamp(mtu, 0, ushort.MaxValue));
        }

        WriteHeader(error, about, isV6 ? Ipv6Header.Icmp : Ipv4Header.Icmp, length);
        if (!isV6)
        {
            error[1] = Precedence;
            FinishHeaderV4(error);
        }

        var sum = Checksum.Sum(message, length - ipLength);
        sum += isV6 ? Checksum.PseudoHeader(error, Ipv6Header.Icmp, length - ipLength) : 0;
        Unsafe.WriteUnaligned(message + 2, Checksum.Finish(sum));
        return length;
    }

    /// <summary>
    /// Whether a packet may be answered with an error or a reset: not if it is one itself, a later fragment or
    /// malformed, nor if its source or destination is not one host (RFC 1122, section 3.2.2; RFC 1812, section 4.3.2.7;
    /// RFC 4443, section 2.4 (e)). What broadcast addresses the networks of this host have is not known here.
    /// </summary>
    public static bool IsAnswerable(in PacketView packet)
    {
        if (packet.Fault != DropReason.None || packet.Part == FragmentPart.Later)
        {
            return false;
        }

        if (packet.Protocol == Ipv4Header.Icmp && !IsQuery(packet))
        {
            return false;
        }

        return packet.IsV6
            ? IsHostV6(packet.SourceHigh, packet.SourceLow) && IsHostV6(packet.DestinationHigh, packet.DestinationLow)
            : IsHostV4((uint)packet.SourceLow) && IsHostV4((uint)packet.DestinationLow);
    }

    /// <summary>
    /// Writes the IP header of an answer to a packet; the checksum of IPv4's is for <see cref="FinishHeaderV4"/>.
    /// </summary>
    /// <param name="answer">Room for the header, cleared.</param>
    /// <param name="about">What is answered.</param>
    /// <param name="protocol">What follows the header.</param>
    /// <param name="length">Length of the whole answer.</param>
    internal static void WriteHeader(byte* answer, in PacketView about, byte protocol, int length)
    {
        if (about.IsV6)
        {
            answer[0] = 0x60;
            NetworkOrder.WriteUInt16(answer + Ipv6Header.PayloadLength, (ushort)(length - Ipv6Header.Length));
            answer[Ipv6Header.NextHeader] = protocol;
            answer[Ipv6Header.NextHeader + 1] = Lifetime;
            const int Size = Ipv6Header.Destination - Ipv6Header.Source;
            Unsafe.CopyBlockUnaligned(answer + Ipv6Header.Source, about.Start + Ipv6Header.Destination, Size);
            Unsafe.CopyBlockUnaligned(answer + Ipv6Header.Destination, about.Start + Ipv6Header.Source, Size);
            return;
        }

        answer[0] = Ipv4Header.VersionAndMinLength;
        NetworkOrder.WriteUInt16(answer + Ipv4Header.TotalLength, (ushort)length);
        NetworkOrder.WriteUInt16(answer + Ipv4Header.FragmentWord, Ipv4Header.DontFragment);
        answer[Ipv4Header.TimeToLive] = Lifetime;
        answer[Ipv4Header.Protocol] = protocol;
        Unsafe.CopyBlockUnaligned(answer + Ipv4Header.Source, about.Start + Ipv4Header.Destination, sizeof(uint));
        Unsafe.CopyBlockUnaligned(answer + Ipv4Header.Destination, about.Start + Ipv4Header.Source, sizeof(uint));
    }

    /// <summary>Writes the checksum of an IPv4 header without options.</summary>
    internal static void FinishHeaderV4(byte* header) =>
        Unsafe.WriteUnaligned(
            header + Ipv4Header.HeaderChecksum,
            Checksum.Finish(Checksum.SumMinimalIpv4Header(header))
        );

    private static byte CodeV4(IcmpErrorKind kind) =>
        kind switch
        {
            IcmpErrorKind.PortUnreachable => 3,
            IcmpErrorKind.Prohibited => 13,
            IcmpErrorKind.TooBig => FragmentationNeeded,
            _ => 0,
        };

    private static (byte Type, byte Code) TypeV6(IcmpErrorKind kind) =>
        kind switch
        {
            IcmpErrorKind.PortUnreachable => (UnreachableV6, 4),
            IcmpErrorKind.Prohibited => (UnreachableV6, 1),
            IcmpErrorKind.TooBig => (TooBigV6, 0),
            _ => (UnreachableV6, 0),
        };

    /// <summary>Echo is asked and answered; all else may be an error, or is one.</summary>
    private static bool IsQuery(in PacketView packet) =>
        packet.IsV6 ? *packet.Transport is 128 or 129 : *packet.Transport is 0 or 8;

    /// <summary>Neither 'this network', loopback, multicast, reserved nor broadcast.</summary>
    private static bool IsHostV4(uint address) => (address >> 24) is not (0 or 127 or >= 224);

    /// <summary>Neither unspecified, loopback nor multicast.</summary>
    private static bool IsHostV6(ulong high, ulong low) => (high != 0 || low > 1) && high >> 56 != 0xFF;
}
