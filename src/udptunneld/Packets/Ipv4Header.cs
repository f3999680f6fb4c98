// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Where the fields of an IPv4 header are (RFC 791, section 3.1). All integers are in network order.
/// <code>
///  0       1       2               4               6               8       9      10        12      16      20
///  +-------+-------+---------------+---------------+---------------+-------+-------+---------+-------+-------+-
///  |ver|ihl|  TOS  | total length  |      id       |flags, fragment|  TTL  | proto |checksum |source |destin.| options
///  +-------+-------+---------------+---------------+---------------+-------+-------+---------+-------+-------+-
/// </code>
/// </summary>
internal static class Ipv4Header
{
    /// <summary>Length without options, in bytes.</summary>
    public const int MinLength = 20;

    /// <summary>Largest total length, header included: the field has 16 bits.</summary>
    public const int MaxPacketLength = 65_535;

    /// <summary>The first byte of a packet of version 4 whose header has no options.</summary>
    public const byte VersionAndMinLength = 0x45;

    /// <summary>Offset of the total length.</summary>
    public const int TotalLength = 2;

    /// <summary>Offset of the identification.</summary>
    public const int Id = 4;

    /// <summary>Offset of the flags and the fragment offset.</summary>
    public const int FragmentWord = 6;

    /// <summary>Offset of the time to live; the protocol follows it.</summary>
    public const int TimeToLive = 8;

    /// <summary>Offset of the protocol.</summary>
    public const int Protocol = 9;

    /// <summary>Offset of the header checksum.</summary>
    public const int HeaderChecksum = 10;

    /// <summary>Offset of the source address; the destination's follows it.</summary>
    public const int Source = 12;

    /// <summary>Offset of the destination address.</summary>
    public const int Destination = 16;

    /// <summary>In the first byte of the fragment word: the bit that must be 0.</summary>
    public const byte ReservedBit = 0x80;

    /// <summary>In the fragment word: do not fragment.</summary>
    public const ushort DontFragment = 0x4000;

    /// <summary>In the fragment word: more fragments follow.</summary>
    public const ushort MoreFragments = 0x2000;

    /// <summary>
    /// In the fragment word: more fragments follow, or an offset that is not 0. Set in each fragment.
    /// </summary>
    public const ushort FragmentMask = 0x3FFF;

    /// <summary>Protocol number of ICMP.</summary>
    public const byte Icmp = 1;

    /// <summary>Protocol number of TCP.</summary>
    public const byte Tcp = 6;

    /// <summary>Protocol number of UDP.</summary>
    public const byte Udp = 17;
}
