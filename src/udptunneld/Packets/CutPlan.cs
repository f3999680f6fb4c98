// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// How a checked superpacket will be cut: made by <see cref="Segmenter.Plan"/>, used by <see cref="Segmenter.TryCut"/>.
/// It points to the superpacket and is valid as long as its bytes are unchanged.
/// </summary>
internal readonly unsafe struct CutPlan
{
    /// <summary>The superpacket.</summary>
    public PacketView Superpacket { get; init; }

    /// <summary>First byte of the superpacket's IP header.</summary>
    public byte* Packet => Superpacket.Start;

    /// <summary>Length of the superpacket, at most 65,535 bytes.</summary>
    public int Length => Superpacket.Length;

    /// <summary>Length of the IP header with its options or extensions.</summary>
    public int IpHeaderLength => Superpacket.TransportOffset;

    /// <summary>
    /// Length of what each packet begins with: the IP and the transport header with all options, 28 to
    /// <see cref="SendBatch.MaxPacketHeader"/> bytes; of fragments the IP header.
    /// </summary>
    public int HeaderLength { get; init; }

    /// <summary>Whether it becomes fragments of one packet, and not packets.</summary>
    public bool IsFragmented { get; init; }

    /// <summary>Bytes of payload in each packet but the last.</summary>
    public int SegmentSize { get; init; }

    /// <summary>How many packets, and so datagrams, come out: 1 to <see cref="SendBatch.MaxDatagrams"/>.</summary>
    public int Datagrams { get; init; }
}
