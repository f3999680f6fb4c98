using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>Whether the header behind the IPv4 header is one that the filter can decide by.</summary>
internal static unsafe class TransportHeader
{
    // RFC 792: type, code, checksum and four more bytes in each message.
    private const int IcmpHeaderLength = 8;

    /// <summary>Whether the filter knows the protocol.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsKnown(byte protocol) => protocol is Ipv4Header.Tcp or Ipv4Header.Udp or Ipv4Header.Icmp;

    /// <summary>
    /// Whether the header is there as a whole and does not contradict the packet. A first fragment too must hold all of
    /// it: else the rest would come in a fragment that nobody looks at (RFC 1858, section 3).
    /// </summary>
    /// <param name="protocol">TCP, UDP or ICMP.</param>
    /// <param name="header">First byte behind the IPv4 header.</param>
    /// <param name="length">Bytes behind the IPv4 header.</param>
    /// <param name="whole">False for a first fragment.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsWellFormed(byte protocol, byte* header, int length, bool whole)
    {
        switch (protocol)
        {
            case Ipv4Header.Tcp:
                if (length < TcpHeader.MinLength)
                {
                    return false;
                }

                int headerLength = (header[TcpHeader.DataOffset] >> 4) * 4;
                return headerLength >= TcpHeader.MinLength && headerLength <= length;

            case Ipv4Header.Udp:
                if (length < UdpHeader.Size)
                {
                    return false;
                }

                // Of a fragmented datagram this is the length of the whole, of a superpacket likewise (seen with
                // UDP_SEGMENT on a device with USO). It may be less than what is there: the kernel cuts the surplus off
                // (__udp4_lib_rcv), RFC 9868 uses it.
                int datagramLength = NetworkOrder.ReadUInt16(header + UdpHeader.Length);
                return datagramLength >= UdpHeader.Size && (datagramLength <= length || !whole);

            default:
                return length >= IcmpHeaderLength;
        }
    }

    /// <summary>Whether an ICMP message is echo or an error (RFC 1122, section 3.2.2).</summary>
    /// <param name="type">First byte of the message.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsEchoOrError(byte type) => type
        is 0 // echo reply
        or 3 // destination unreachable, with it 'fragmentation needed', without which path MTU discovery fails
        or 4 // source quench
        or 5 // redirect
        or 8 // echo
        or 11 // time exceeded
        or 12; // parameter problem
}
