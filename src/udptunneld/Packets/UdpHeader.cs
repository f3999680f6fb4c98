// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Where the fields of a UDP header are (RFC 768), from its first byte. All integers are in network order.
/// </summary>
internal static class UdpHeader
{
    /// <summary>Length of the header, in bytes.</summary>
    public const int Size = 8;

    /// <summary>Offset of the length, header included.</summary>
    public const int Length = 4;

    /// <summary>Offset of the checksum; 0 says that there is none.</summary>
    public const int Checksum = 6;

    /// <summary>Most bytes that one UDP datagram over IPv4 carries: 65,535 less both headers.</summary>
    public const int MaxPayload = Ipv4Header.MaxPacketLength - Ipv4Header.MinLength - Size;
}
