// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// The header of the PROXY protocol, version 2, that tells a service who the client is (haproxy's
/// doc/proxy-protocol.txt, section 2.2). Numbers in network byte order.
/// <code>
///   0                  12       13        14                16
///  +------------------+--------+---------+-----------------+--------------------------------------------+
///  | signature        | 2 | 1  | fam | 2 | length 12 or 36 | client, receiver, client's, receiver's port|
///  +------------------+--------+---------+-----------------+--------------------------------------------+
///                      version  1 IPv4,
///                      command  2 IPv6; 2 datagrams
/// </code>
/// </summary>
internal static class ProxyHeader
{
    /// <summary>Bytes of a header with IPv6 addresses.</summary>
    public const int MaxLength = HeadLength + 36;

    private const int HeadLength = 16;
    private const byte VersionAndCommand = 0x21;
    private const byte DatagramsV4 = 0x12;
    private const byte DatagramsV6 = 0x22;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Makes the header for a flow.</summary>
    public static byte[] Of(in FlowOpening flow)
    {
        Span<byte> header = stackalloc byte[MaxLength];
        Signature.CopyTo(header);
        header[12] = VersionAndCommand;
        header[13] = flow.IsV4 ? DatagramsV4 : DatagramsV6;
        var length = flow.WriteAddresses(header[HeadLength..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[(HeadLength + length)..], flow.ClientPort);
        BinaryPrimitives.WriteUInt16BigEndian(header[(HeadLength + length + 2)..], flow.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[14..], (ushort)(length + 4));
        return header[..(HeadLength + length + 4)].ToArray();
    }
}
