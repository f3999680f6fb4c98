// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>A packet that the <see cref="Coalescer"/> was given.</summary>
internal unsafe struct ReceivedPacket
{
    /// <summary>First byte of the IP header.</summary>
    public byte* Start;

    /// <summary>Length in bytes.</summary>
    public int Length;

    /// <summary>Index of the next packet of the same group; undefined for the last.</summary>
    public int Next;
}
