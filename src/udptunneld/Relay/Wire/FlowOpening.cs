// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Payload of a frame <see cref="FrameType.FlowOpened"/>: who the client of a flow is and which service it asked.
/// <code>
///   0                16               32
///  +----------------+----------------+----------------+-------------------+
///  | receiver's port| client's port  | client         | receiver          |
///  +----------------+----------------+----------------+-------------------+
///                                     4 or 16 bytes    as many
/// </code>
/// Ports and addresses in network byte order, IPv4 as 4 bytes. The receiver's address is the one that the client sent
/// to; all zero if the receiver does not know it.
/// </summary>
/// <param name="Port">The receiver's port.</param>
/// <param name="ClientPort">The client's.</param>
/// <param name="Client">The client's address, as 16 bytes; IPv4 in its mapped form.</param>
/// <param name="Receiver">The receiver's address, likewise.</param>
/// <param name="IsV4">Whether both are of IPv4.</param>
internal readonly record struct FlowOpening(ushort Port, ushort ClientPort, UInt128 Client, UInt128 Receiver, bool IsV4)
{
    /// <summary>Bytes of a payload with IPv6 addresses.</summary>
    public const int MaxLength = 4 + 16 + 16;

    /// <summary>Bytes of a payload with IPv4 addresses.</summary>
    public const int LengthV4 = 4 + 4 + 4;

    /// <summary>Reads a payload.</summary>
    /// <returns>False if it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out FlowOpening opening)
    {
        opening = default;
        if (bytes.Length is not (LengthV4 or MaxLength))
        {
            return false;
        }

        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        var clientPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        var isV4 = bytes.Length == LengthV4;
        opening = isV4
            ? new FlowOpening(
                port,
                clientPort,
                BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
                BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
                true
            )
            : new FlowOpening(
                port,
                clientPort,
                BinaryPrimitives.ReadUInt128BigEndian(bytes[4..]),
                BinaryPrimitives.ReadUInt128BigEndian(bytes[20..]),
                false
            );
        return port != 0;
    }

    /// <summary>Writes a payload.</summary>
    /// <param name="output">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> output)
    {
        BinaryPrimitives.WriteUInt16BigEndian(output, Port);
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], ClientPort);
        return 4 + WriteAddresses(output[4..]);
    }

    /// <summary>Writes both addresses, the client's first.</summary>
    /// <returns>Bytes written.</returns>
    public int WriteAddresses(Span<byte> output)
    {
        if (IsV4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(output, (uint)Client);
            BinaryPrimitives.WriteUInt32BigEndian(output[4..], (uint)Receiver);
            return 8;
        }

        BinaryPrimitives.WriteUInt128BigEndian(output, Client);
        BinaryPrimitives.WriteUInt128BigEndian(output[16..], Receiver);
        return 32;
    }

    /// <summary>The client, for people.</summary>
    public IPEndPoint ToClient()
    {
        Span<byte> bytes = stackalloc byte[32];
        WriteAddresses(bytes);
        return new IPEndPoint(new IPAddress(bytes[..(IsV4 ? 4 : 16)]), ClientPort);
    }
}
