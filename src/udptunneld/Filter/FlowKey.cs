// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// A flow as the flow table compares and hashes it: both addresses (128 bits each, IPv4 in its mapped form), both
/// ports, the protocol, and the number of the peer at the other end of the tunnel, so that no peer answers in another
/// one's flow.
/// </summary>
internal readonly struct FlowKey
{
    private readonly ulong _sourceHigh;
    private readonly ulong _sourceLow;
    private readonly ulong _destinationHigh;
    private readonly ulong _destinationLow;

    // An address of IPv6 may look like one of IPv4 in its mapped form, and is none.
    private const uint V6Bit = 1u << 24;
    private const uint MappedTo32 = (uint)(PacketView.MappedPrefix >> 32);

    // Source port, then destination port; version, peer, then protocol.
    private readonly uint _ports;
    private readonly uint _rest;

    private FlowKey(
        ulong sourceHigh,
        ulong sourceLow,
        ulong destinationHigh,
        ulong destinationLow,
        uint ports,
        uint rest
    )
    {
        _sourceHigh = sourceHigh;
        _sourceLow = sourceLow;
        _destinationHigh = destinationHigh;
        _destinationLow = destinationLow;
        _ports = ports;
        _rest = rest;
    }

    /// <summary>The flow of a packet of TCP or UDP without a fault.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="peer">Number of the peer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FlowKey(in PacketView packet, ushort peer)
    {
        _sourceHigh = packet.SourceHigh;
        _sourceLow = packet.SourceLow;
        _destinationHigh = packet.DestinationHigh;
        _destinationLow = packet.DestinationLow;
        _ports = packet.Ports;
        _rest = ((uint)peer << 8) | packet.Protocol | (packet.IsV6 ? V6Bit : 0);
    }

    /// <param name="flow">A flow of TCP or UDP.</param>
    /// <param name="peer">Number of the peer.</param>
    public FlowKey(in Flow flow, ushort peer = 0)
    {
        _sourceHigh = (ulong)(flow.SourceAddress >> 64);
        _sourceLow = (ulong)flow.SourceAddress;
        _destinationHigh = (ulong)(flow.DestinationAddress >> 64);
        _destinationLow = (ulong)flow.DestinationAddress;
        _ports = ((uint)flow.SourcePort << 16) | flow.DestinationPort;
        _rest = ((uint)peer << 8) | flow.Protocol | (flow.SourceAddress >> 32 == MappedTo32 ? 0 : V6Bit);
    }

    /// <summary>0 to 65,535.</summary>
    public ushort SourcePort => (ushort)(_ports >> 16);

    /// <summary>0 to 65,535.</summary>
    public ushort DestinationPort => (ushort)_ports;

    /// <summary>Whether its addresses are IPv4.</summary>
    public bool IsV4 => (_rest & V6Bit) == 0;

    /// <summary>Whether it is of TCP, else of UDP.</summary>
    public bool IsTcp => (byte)_rest == Ipv4Header.Tcp;

    /// <summary>The flow of the answers: source and destination exchanged.</summary>
    public FlowKey Reversed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_destinationHigh, _destinationLow, _sourceHigh, _sourceLow, (_ports << 16) | (_ports >> 16), _rest);
    }

    /// <summary>Number of the peer.</summary>
    public ushort Peer => (ushort)(_rest >> 8);

    /// <summary>The flow in words that people use.</summary>
    public Flow ToFlow() =>
        new(
            (byte)_rest,
            new UInt128(_sourceHigh, _sourceLow),
            new UInt128(_destinationHigh, _destinationLow),
            SourcePort,
            DestinationPort
        );

    /// <summary>Whether it is the same flow in the same direction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Is(in FlowKey other) =>
        (
            (_sourceLow ^ other._sourceLow)
            | (_destinationLow ^ other._destinationLow)
            | (_sourceHigh ^ other._sourceHigh)
            | (_destinationHigh ^ other._destinationHigh)
            | (_ports ^ other._ports)
            | (_rest ^ other._rest)
        ) == 0;

    /// <summary>A hash of all of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(in SeededHash hash)
    {
        // Of IPv4 the lower halves say everything but the constant prefix.
        ulong addresses = IsV4
            ? (_sourceLow << 32) | (uint)_destinationLow
            : hash.Of(hash.Of(_sourceHigh, _sourceLow), hash.Of(_destinationLow, _destinationHigh));
        return hash.Of(addresses, ((ulong)_ports << 32) | _rest);
    }

    /// <summary>
    /// A hash of whoever opened the flow: peer and source address, of IPv6 the first 64 bits of it (a host has all the
    /// rest).
    /// </summary>
    public ulong HashOfSource(in SeededHash hash) => hash.Of(_sourceHigh == 0 ? _sourceLow : _sourceHigh, _rest >> 8);
}
