using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// An ICMP echo request (RFC 792) in an IPv4 packet: what every host answers by itself.
/// <code>
///  0                    20      21      22              24              26              28
///  +--------------------+-------+-------+---------------+---------------+---------------+
///  | IPv4 header        | 8     | 0     | checksum      | identifier 0  | sequence 0    |
///  +--------------------+-------+-------+---------------+---------------+---------------+
/// </code>
/// Identifier 0 is nobody's: the kernel's ping sockets begin at 1, so that no ping of this host takes the answer for its own.
/// </summary>
internal static unsafe class EchoRequest
{
    /// <summary>Length of the packet in bytes.</summary>
    public const int Length = Ipv4Header.MinLength + 8;

    private const byte EchoType = 8;
    private const byte Lifetime = 64;

    /// <summary>Writes a packet.</summary>
    /// <param name="packet">Room for <see cref="Length"/> bytes.</param>
    /// <param name="source">Address, in host order.</param>
    /// <param name="destination">Address, in host order.</param>
    public static void Write(byte* packet, uint source, uint destination)
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
        Store(message + 2, Checksum.Finish(Checksum.Sum(message, Length - Ipv4Header.MinLength)));
    }

    /// <summary>Checksums come in the byte order of memory.</summary>
    private static void Store(byte* at, ushort checksum) => Unsafe.WriteUnaligned(at, checksum);
}
