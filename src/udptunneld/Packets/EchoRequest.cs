using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// An ICMP echo request (RFC 792) in an IPv4 packet: what every host answers by itself. The answer has type 0 and the
/// same number.
/// <code>
///  0                    20      21      22              24              26              28                36
///  +--------------------+-------+-------+---------------+---------------+---------------+-----------------+
///  | IPv4 header        | 8     | 0     | checksum      | identifier 0  | sequence 0    | number (64 bit) |
///  +--------------------+-------+-------+---------------+---------------+---------------+-----------------+
/// </code>
/// Identifier 0 is nobody's: the kernel's ping sockets begin at 1, so that no ping of this host takes the answer for
/// its own.
/// </summary>
internal static unsafe class EchoRequest
{
    /// <summary>Length of the packet in bytes.</summary>
    public const int Length = Ipv4Header.MinLength + HeaderLength + sizeof(ulong);

    private const int HeaderLength = 8;
    private const byte ReplyType = 0;
    private const byte EchoType = 8;
    private const byte Lifetime = 64;

    /// <summary>Writes a packet.</summary>
    /// <param name="packet">Room for <see cref="Length"/> bytes.</param>
    /// <param name="source">Address, in host order.</param>
    /// <param name="destination">Address, in host order.</param>
    /// <param name="number">Comes back with the answer.</param>
    public static void Write(byte* packet, uint source, uint destination, ulong number)
    {
        new Span<byte>(packet, Length).Clear();
        packet[0] = Ipv4Header.VersionAndMinLength;
        NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, Length);
        packet[Ipv4Header.TimeToLive] = Lifetime;
        packet[Ipv4Header.Protocol] = Ipv4Header.Icmp;
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Source, source);
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Destination, destination);
        Store(packet + Ipv4Header.HeaderChecksum, Checksum.Finish(Checksum.Sum(packet, Ipv4Header.MinLength)));

        var message = packet + Ipv4Header.MinLength;
        message[0] = EchoType;
        Unsafe.WriteUnaligned(message + HeaderLength, number);
        Store(message + 2, Checksum.Finish(Checksum.Sum(message, Length - Ipv4Header.MinLength)));
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

    /// <summary>Checksums come in the byte order of memory.</summary>
    private static void Store(byte* at, ushort checksum) => Unsafe.WriteUnaligned(at, checksum);
}
