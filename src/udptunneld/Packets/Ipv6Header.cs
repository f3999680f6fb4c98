// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Where the fields of an IPv6 header are (RFC 8200, section 3), and of the extension headers that are walked. All
/// integers are in network order.
/// <code>
///  0                   4               6       7       8                24               40
///  +-------------------+---------------+-------+-------+----------------+----------------+-
///  |ver, class, label  |payload length | next  | hops  | source         | destination    | extensions, transport
///  +-------------------+---------------+-------+-------+----------------+----------------+-
/// </code>
/// </summary>
internal static class Ipv6Header
{
    /// <summary>Length without extension headers, in bytes.</summary>
    public const int Length = 40;

    /// <summary>Bytes of a packet that each link carries (RFC 8200, section 5).</summary>
    public const int LeastMtu = 1280;

    /// <summary>Offset of the length of all that follows the header.</summary>
    public const int PayloadLength = 4;

    /// <summary>Offset of the number of the header that follows; the hop limit follows it.</summary>
    public const int NextHeader = 6;

    /// <summary>Offset of the source address.</summary>
    public const int Source = 8;

    /// <summary>Offset of the destination address.</summary>
    public const int Destination = 24;

    /// <summary>Most extension headers of a packet that is looked into.</summary>
    public const int MaxExtensions = 8;

    /// <summary>
    /// Length of a fragment header: next header, 0, offset and flag (16 bits), identification (32 bits).
    /// </summary>
    public const int FragmentLength = 8;

    /// <summary>Extension header: options for each hop. Only as the first one.</summary>
    public const byte HopByHop = 0;

    /// <summary>Extension header: other destinations on the way.</summary>
    public const byte Routing = 43;

    /// <summary>Extension header: fragment.</summary>
    public const byte Fragment = 44;

    /// <summary>Extension header: options for the destination.</summary>
    public const byte DestinationOptions = 60;

    /// <summary>Protocol number of ICMPv6.</summary>
    public const byte Icmp = 58;
}
