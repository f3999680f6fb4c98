// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// An ICMP echo request (RFC 792; RFC 4443, section 4.1): what every host answers by itself. The answer is as long and
/// has the same number.
/// <code>
///  0           20|40      +1      +2              +4              +6              +8                +16
///  +-------------+-------+-------+---------------+---------------+---------------+-----------------+-------+
///  | IP header   | 8|128 | 0     | checksum      | identifier 0  | sequence 0    | number (64 bit) | zeros |
///  +-------------+-------+-------+---------------+---------------+---------------+-----------------+-------+
/// </code>
/// Identifier 0 is nobody's: the kernel's ping sockets begin at 1, so that no ping of this host takes the answer for
/// its own.
/// </summary>
internal static unsafe class EchoRequest
{
    /// <summary>Length of the shortest packet of IPv4, in bytes.</summary>
    public const int Length = Ipv4Header.MinLength + MessageLength;

    /// <summary>Length of the shortest packet of IPv6, in bytes.</summary>
    public const int LengthV6 = Ipv6Header.Length + MessageLength;

    private const int HeaderLength = 8;
    private const int MessageLength = HeaderLength + sizeof(ulong);
    private const byte ReplyType = 0;
    private const byte EchoType = 8;
    private const byte EchoTypeV6 = 128;
    private const byte ReplyTypeV6 = 129;
    private const byte Lifetime = 64;

    /// <summary>Writes the shortest packet of IPv4.</summary>
    /// <param name="packet">Room for <see cref="Length"/> bytes.</param>
    /// <param name="source">Address, in host order.</param>
    /// <param name="destination">Address, in host order.</param>
    /// <param name="number">Comes back with the answer.</param>
    public static void Write(byte* packet, uint source, uint destination, ulong number)
    {
        const int Size = 2 * sizeof(uint);
        var addresses = stackalloc byte[Size];
        NetworkOrder.WriteUInt32(addresses, source);
        NetworkOrder.WriteUInt32(addresses + sizeof(uint), destination);
        Write(packet, Length, new ReadOnlySpan<byte>(addresses, Size), number);
    }

    /// <summary>Writes a packet.</summary>
    /// <param name="packet">Room for it.</param>
    /// <param name="length">
    /// Its length, at least <see cref="Length"/> or <see cref="LengthV6"/>, at most 65,535.
    /// </param>
    /// <param name="addresses">Source and destination in network order: 8 bytes for IPv4, 32 for IPv6.</param>
    /// <param name="number">Comes back with the answer.</param>
    public static void Write(byte* packet, int length, ReadOnlySpan<byte> addresses, ulong number)
    {
        new Span<byte>(packet, length).Clear();
        var isV6 = addresses.Length > 2 * sizeof(uint);
        var ipLength = isV6 ? Ipv6Header.Length : Ipv4Header.MinLength;
        var message = packet + ipLength;
        Unsafe.WriteUnaligned(message + HeaderLength, number);
        if (isV6)
        {
            packet[0] = 0x60;
            NetworkOrder.WriteUInt16(packet + Ipv6Header.PayloadLength, (ushort)(length - ipLength));
            packet[Ipv6Header.NextHeader] = Ipv6Header.Icmp;
            packet[Ipv6Header.NextHeader + 1] = Lifetime;
            addresses.CopyTo(new Span<byte>(packet + Ipv6Header.Source, addresses.Length));
            message[0] = EchoTypeV6;
        }
        else
        {
            packet[0] = Ipv4Header.VersionAndMinLength;
            NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, (ushort)length);
            packet[Ipv4Header.TimeToLive] = Lifetime;
            packet[Ipv4Header.Protocol] = Ipv4Header.Icmp;
            addresses.CopyTo(new Span<byte>(packet + Ipv4Header.Source, addresses.Length));
            IcmpError.FinishHeaderV4(packet);
            message[0] = EchoType;
        }

        // Behind the number there are zeros, which count nothing.
        var sum = Checksum.Sum(message, MessageLength);
        sum += isV6 ? Checksum.PseudoHeader(packet, Ipv6Header.Icmp, length - ipLength) : 0;
        Unsafe.WriteUnaligned(message + 2, Checksum.Finish(sum));
    }

    /// <summary>Whether a packet is the answer to a request with a number.</summary>
    /// <param name="packet">A packet that the port filter lets pass, hence one with whole headers.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="number">The number of the request.</param>
    public static bool IsAnswered(byte* packet, int length, ulong number)
    {
        var message = packet + ((packet[0] & 0x0F) * 4);
        return packet[Ipv4Header.Protocol] == Ipv4Header.Icmp
            && message + HeaderLength + sizeof(ulong) <= packet + length
            && message[0] == ReplyType
            && Unsafe.ReadUnaligned<ulong>(message + HeaderLength) == number;
    }

    /// <summary>Reads the number of an answer, of which the first fragment is enough.</summary>
    /// <param name="packet">A packet of either version.</param>
    /// <param name="number">The number of the request.</param>
    /// <returns>False if it is no answer to such a request.</returns>
    public static bool TryReadAnswer(in PacketView packet, out ulong number)
    {
        number = 0;
        if (
            packet.Protocol != Ipv4Header.Icmp
            || packet.Fault != DropReason.None
            || packet.Part == FragmentPart.Later
            || packet.TransportLength < MessageLength
            || *packet.Transport != (packet.IsV6 ? ReplyTypeV6 : ReplyType)
            || NetworkOrder.ReadUInt32(packet.Transport + 4) != 0
        )
        {
            return false;
        }

        number = Unsafe.ReadUnaligned<ulong>(packet.Transport + HeaderLength);
        return true;
    }
}
