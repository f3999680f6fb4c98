// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Packets of one flow as one message to the device, virtio header included: what one <c>writev</c> writes. Its slices
/// lie one after the other in <see cref="Coalescer.Slices"/>, one for each packet.
/// </summary>
internal readonly struct Group
{
    /// <summary>Index of the first slice in the coalescer.</summary>
    public int FirstSlice { get; init; }

    /// <summary>How many slices, and so packets: 1 to <see cref="Coalescer.MaxTcpPackets"/>.</summary>
    public int SliceCount { get; init; }

    /// <summary>Length of all slices in bytes: what the device answers when it has taken the message.</summary>
    public int TotalBytes { get; init; }

    /// <summary>Length of the packets as they were received: each with its own headers.</summary>
    public int PacketBytes { get; init; }

    /// <summary>Protocol of its packets, as <see cref="PacketView.Protocol"/>.</summary>
    public byte Protocol { get; init; }

    /// <summary>Whether it is a superpacket; else it is one packet as it was received.</summary>
    public bool IsMerged => SliceCount > 1;
}
