// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// The reset that refuses a TCP segment, as the destination itself would send it (RFC 9293, section 3.10.7.1). Pure.
/// </summary>
internal static unsafe class TcpReset
{
    /// <summary>Longest reset, in bytes: the header of IPv6 and that of TCP.</summary>
    public const int MaxLength = Ipv6Header.Length + TcpHeader.MinLength;

    /// <summary>Writes the reset that answers a segment.</summary>
    /// <param name="reset">Room for <see cref="MaxLength"/> bytes, not within the packet.</param>
    /// <param name="about">The segment, or a superpacket of them.</param>
    /// <returns>Length of the packet; 0 if there must be none, as never about a reset or a fragment.</returns>
    public static int Write(byte* reset, in PacketView about)
    {
        if (
            !IcmpError.IsAnswerable(about)
            || about.Protocol != Ipv4Header.Tcp
            || about.Part != FragmentPart.Whole
            || (about.ConnectionFlags & TcpHeader.Reset) != 0
        )
        {
            return 0;
        }

        var ipLength = about.IsV6 ? Ipv6Header.Length : Ipv4Header.MinLength;
        var length = ipLength + TcpHeader.MinLength;
        new Span<byte>(reset, length).Clear();
        IcmpError.WriteHeader(reset, about, Ipv4Header.Tcp, length);
        if (!about.IsV6)
        {
            IcmpError.FinishHeaderV4(reset);
        }

        var segment = about.Transport;
        var header = reset + ipLength;
        NetworkOrder.WriteUInt32(header, (about.Ports << 16) | (about.Ports >> 16));
        header[TcpHeader.DataOffset] = (TcpHeader.MinLength / 4) << 4;
        if ((segment[TcpHeader.Flags] & TcpHeader.Ack) != 0)
        {
            header[TcpHeader.Flags] = TcpHeader.Reset;
            Unsafe.CopyBlockUnaligned(header + TcpHeader.Sequence, segment + TcpHeader.Acknowledgment, sizeof(uint));
        }
        else
        {
            header[TcpHeader.Flags] = TcpHeader.Reset | TcpHeader.Ack;
            NetworkOrder.WriteUInt32(
                header + TcpHeader.Acknowledgment,
                NetworkOrder.ReadUInt32(segment + TcpHeader.Sequence) + SegmentLength(about)
            );
        }

        var sum =
            Checksum.Sum(header, TcpHeader.MinLength)
            + Checksum.PseudoHeader(reset, Ipv4Header.Tcp, TcpHeader.MinLength);
        Unsafe.WriteUnaligned(header + TcpHeader.Checksum, Checksum.Finish(sum));
        return length;
    }

    /// <summary>Sequence numbers that a segment takes: its payload, and one each for SYN and FIN.</summary>
    private static uint SegmentLength(in PacketView packet)
    {
        var headerLength = (packet.Transport[TcpHeader.DataOffset] >> 4) * 4;
        var flags = packet.ConnectionFlags;
        return (uint)(packet.TransportLength - headerLength)
            + ((flags & TcpHeader.Syn) != 0 ? 1u : 0)
            + ((flags & TcpHeader.Fin) != 0 ? 1u : 0);
    }
}
