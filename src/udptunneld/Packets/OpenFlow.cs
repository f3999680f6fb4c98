// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Packets;

/// <summary>A flow with a group that further packets may join.</summary>
internal struct OpenFlow
{
    private ulong _sourceHigh;
    private ulong _sourceLow;
    private ulong _destinationHigh;
    private ulong _destinationLow;
    private uint _ports;
    private byte _protocol;

    /// <summary>Index of the group.</summary>
    public int Group;

    /// <summary>Whether a packet of TCP or UDP is of this flow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Has(in PacketView packet) =>
        _ports == packet.Ports
        && _sourceLow == packet.SourceLow
        && _destinationLow == packet.DestinationLow
        && _protocol == packet.Protocol
        && _sourceHigh == packet.SourceHigh
        && _destinationHigh == packet.DestinationHigh;

    /// <summary>Makes it that of a packet.</summary>
    /// <param name="packet">Of TCP or UDP.</param>
    /// <param name="group">Index of the group.</param>
    public void Set(in PacketView packet, int group)
    {
        _sourceHigh = packet.SourceHigh;
        _sourceLow = packet.SourceLow;
        _destinationHigh = packet.DestinationHigh;
        _destinationLow = packet.DestinationLow;
        _ports = packet.Ports;
        _protocol = packet.Protocol;
        Group = group;
    }
}
