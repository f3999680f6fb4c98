// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>What a received datagram was.</summary>
internal enum ReceivedKind
{
    /// <summary>Nothing to go on with; see the reason.</summary>
    Dropped,

    /// <summary>An inner packet.</summary>
    Packet,

    /// <summary>A message without a packet.</summary>
    Keepalive,

    /// <summary>A part of a handshake that was taken.</summary>
    Handshake,
}

/// <summary>What has become of a received datagram.</summary>
internal readonly unsafe struct Received
{
    /// <summary>What it was.</summary>
    public ReceivedKind Kind { get; init; }

    /// <summary>Why it was dropped.</summary>
    public WireGuardDrop Drop { get; init; }

    /// <summary>Who sent it, if that is known; of what was dropped, who it claims to be from.</summary>
    public Peer? Peer { get; init; }

    /// <summary>
    /// First byte of the packet, in the datagram; also of one that was dropped because of its source.
    /// </summary>
    public byte* Packet { get; init; }

    /// <summary>Length of the packet, without padding.</summary>
    public int Length { get; init; }
}
