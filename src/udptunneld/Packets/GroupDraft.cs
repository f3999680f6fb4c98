// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>
/// What the <see cref="Coalescer"/> knows of a group: how far it has grown, and what <see cref="Coalescer.Unmerge"/>
/// needs.
/// </summary>
internal struct GroupDraft
{
    /// <summary>Index of the first packet. The others follow by <see cref="ReceivedPacket.Next"/>.</summary>
    public int First;

    /// <summary>Index of the last packet.</summary>
    public int Last;

    /// <summary>How many packets.</summary>
    public int Count;

    /// <summary>Length of the superpacket, headers included, in bytes.</summary>
    public int TotalLength;

    /// <summary>Length of the IP and transport header of each packet.</summary>
    public int HeaderLength;

    /// <summary>Bytes of payload in each packet but the last.</summary>
    public int SegmentSize;

    /// <summary>TCP: the sequence number with which the next packet must begin.</summary>
    public uint NextSequence;

    /// <summary>The IP id that the next packet must have, unless it may not be fragmented.</summary>
    public ushort NextId;

    /// <summary>IP header checksum of the first packet as received, in the byte order of memory.</summary>
    public ushort IpChecksum;

    /// <summary>TCP or UDP checksum of the first packet as received, in the byte order of memory.</summary>
    public ushort TransportChecksum;

    /// <summary>TCP: flags of the first packet as received.</summary>
    public byte FirstFlags;

    /// <summary>TCP: flags of the last packet.</summary>
    public byte LastFlags;

    /// <summary>Protocol of the packets, as <see cref="PacketView.Protocol"/>.</summary>
    public byte Protocol;

    /// <summary>
    /// Whether the checksums of the first packet have been found right. Those of the others were, or they had not
    /// joined.
    /// </summary>
    public bool Verified;

    /// <summary>Starts a group with its first packet.</summary>
    /// <param name="index">Index of the packet.</param>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="length">Its length.</param>
    /// <param name="headerLength">Length of its headers, or 0 if none will join.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Start(int index, byte* packet, int length, int headerLength)
    {
        First = Last = index;
        Count = 1;
        TotalLength = length;
        if (headerLength != 0)
        {
            HeaderLength = headerLength;
            SegmentSize = length - headerLength;

            // These bytes exist in IPv6 and UDP too, where nobody looks at the numbers.
            NextId = (ushort)(NetworkOrder.ReadUInt16(packet + Ipv4Header.Id) + 1);
            NextSequence =
                NetworkOrder.ReadUInt32(packet + MergeRule.IpHeaderLength(packet) + TcpHeader.Sequence)
                + (uint)SegmentSize;
            Verified = false;
        }
    }

    /// <summary>Takes in the next packet.</summary>
    /// <param name="index">Index of the packet.</param>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="payload">Length of its payload.</param>
    /// <param name="isTcp">Whether it is TCP.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Append(int index, byte* packet, int payload, bool isTcp)
    {
        Last = index;
        Count++;
        TotalLength += payload;
        NextId++;
        if (isTcp)
        {
            NextSequence += (uint)payload;
            LastFlags = packet[MergeRule.IpHeaderLength(packet) + TcpHeader.Flags];
        }
    }
}
