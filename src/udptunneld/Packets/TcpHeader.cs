// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Where the fields of a TCP header are (RFC 9293, section 3.1), from its first byte. All integers are in network
/// order.
/// </summary>
internal static class TcpHeader
{
    /// <summary>Length without options, in bytes.</summary>
    public const int MinLength = 20;

    /// <summary>Offset of the sequence number.</summary>
    public const int Sequence = 4;

    /// <summary>Offset of the acknowledgment number.</summary>
    public const int Acknowledgment = 8;

    /// <summary>Offset of the byte whose upper four bits are the header's length in words of 4 bytes.</summary>
    public const int DataOffset = 12;

    /// <summary>Offset of the flags.</summary>
    public const int Flags = 13;

    /// <summary>Offset of the window.</summary>
    public const int Window = 14;

    /// <summary>Offset of the checksum.</summary>
    public const int Checksum = 16;

    /// <summary>Offset of the urgent pointer.</summary>
    public const int UrgentPointer = 18;

    /// <summary>The flag FIN: the sender is done.</summary>
    public const byte Fin = 0x01;

    /// <summary>The flag SYN: the first segment of its sender.</summary>
    public const byte Syn = 0x02;

    /// <summary>The flag RST: the connection is none any more.</summary>
    public const byte Reset = 0x04;

    /// <summary>The flag PSH: hand over to the application now.</summary>
    public const byte Push = 0x08;

    /// <summary>The flag ACK: the acknowledgment number counts.</summary>
    public const byte Ack = 0x10;

    /// <summary>The flag CWR: congestion window reduced (RFC 3168, section 6.1).</summary>
    public const byte CongestionWindowReduced = 0x80;
}
