// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.CompilerServices;
using UdpTunnel.Config;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// Which inner addresses a packet from the peer may have. Its source is never one of this host's own addresses, which
/// would be trusted as this host is, nor an address that no host can have; and where the file says so, source and
/// destination are within its networks. ICMP redirects are dropped: they would let the peer change this host's routes.
/// Belongs to the thread that receives.
/// </summary>
/// <param name="own">The addresses of this host.</param>
/// <param name="sources">Networks that packets may come from; empty for all.</param>
/// <param name="destinations">Networks that packets may go to; empty for all.</param>
internal sealed unsafe class AddressRules(
    HostAddresses own,
    ValueList<Ipv4Network> sources,
    ValueList<Ipv4Network> destinations
)
{
    private const byte RedirectType = 5;
    private const int SourceV6 = 8;
    private const uint Broadcast = uint.MaxValue;

    private volatile Limits _limits = new(sources, destinations);

    // The last pair of addresses that passed, and by which addresses and limits: a batch is mostly packets of one flow.
    private ulong _lastPair;
    private object? _lastOwn;
    private Limits? _lastLimits;
    private uint _ownSource;
    private IPAddress? _ownSourceV6;
    private UInt128 _lastV6;
    private object? _lastOwnV6;

    /// <summary>
    /// The last inner source that was refused because this host has the same address, in host order; 0 if none was. For
    /// any thread.
    /// </summary>
    public uint OwnSource => Volatile.Read(ref _ownSource);

    /// <summary>The first one of IPv6; null if none was. For any thread.</summary>
    public IPAddress? OwnSourceV6 => Volatile.Read(ref _ownSourceV6);

    /// <summary>Changes the networks, from any thread; the next packet is looked at by the new ones.</summary>
    public void Limit(ValueList<Ipv4Network> newSources, ValueList<Ipv4Network> newDestinations) =>
        _limits = new Limits(newSources, newDestinations);

    /// <summary>
    /// The verdict on a packet from the peer. Asked before the port filter, which would remember a flow of a packet
    /// that does not pass.
    /// </summary>
    /// <param name="packet">The packet.</param>
    /// <returns>
    /// None, SourceAddress, DestinationAddress or IcmpType. None also for what does not parse: the port filter drops
    /// that.
    /// </returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason Check(in PacketView packet)
    {
        if (packet.Fault != DropReason.None || packet.Version != 4)
        {
            return packet.IsV6 && packet.Fault == DropReason.None ? CheckV6(packet) : DropReason.None;
        }

        var pair = Unsafe.ReadUnaligned<ulong>(packet.Start + Ipv4Header.Source);
        var verdict =
            pair == _lastPair && _lastOwn == own.Version && _lastLimits == _limits
                ? DropReason.None
                : CheckPair(packet.Start, pair);
        return verdict == DropReason.None && IsRedirect(packet) ? DropReason.IcmpType : verdict;
    }

    private static bool IsRedirect(in PacketView packet) =>
        packet.Protocol == Ipv4Header.Icmp && packet.Part != FragmentPart.Later && packet.Transport[0] == RedirectType;

    private static bool Allows(ValueList<Ipv4Network> networks, uint address)
    {
        for (var i = 0; i < networks.Count; i++)
        {
            if (networks[i].Contains(address))
            {
                return true;
            }
        }

        return networks.Count == 0;
    }

    /// <summary>
    /// Of IPv6 the source alone: networks are IPv4's, and a tunnel that carries IPv6 knows each peer's own.
    /// </summary>
    private DropReason CheckV6(in PacketView packet)
    {
        var source = new UInt128(packet.SourceHigh, packet.SourceLow);
        if (source == _lastV6 && own.Version == _lastOwnV6)
        {
            return DropReason.None;
        }

        // Unspecified and loopback, multicast (RFC 4291, section 2.4), and what is IPv4 in truth.
        var version = own.Version;
        var isPossible = source > 1 && source >> 120 != 0xFF && source >> 32 != 0xFFFF;
        if (!isPossible)
        {
            return DropReason.SourceAddress;
        }

        if (own.Contains(source))
        {
            if (_ownSourceV6 is null)
            {
                Volatile.Write(ref _ownSourceV6, new IPAddress(new ReadOnlySpan<byte>(packet.Start + SourceV6, 16)));
            }

            return DropReason.SourceAddress;
        }

        _lastV6 = source;
        _lastOwnV6 = version;
        return DropReason.None;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DropReason CheckPair(byte* packet, ulong pair)
    {
        var limits = _limits;
        var version = own.Version;
        var source = NetworkOrder.ReadUInt32(packet + Ipv4Header.Source);
        var isPossible = (source >> 24) switch
        {
            // 'This network', loopback and multicast (RFC 1122, section 3.2.1.3).
            0 or 127 or (>= 224 and <= 239) => false,
            _ => source != Broadcast,
        };
        if (isPossible && own.Contains(source))
        {
            Volatile.Write(ref _ownSource, source);
            return DropReason.SourceAddress;
        }

        if (!isPossible || !Allows(limits.Sources, source))
        {
            return DropReason.SourceAddress;
        }

        if (!Allows(limits.Destinations, NetworkOrder.ReadUInt32(packet + Ipv4Header.Destination)))
        {
            return DropReason.DestinationAddress;
        }

        _lastPair = pair;
        _lastOwn = version;
        _lastLimits = limits;
        return DropReason.None;
    }

    private sealed record Limits(ValueList<Ipv4Network> Sources, ValueList<Ipv4Network> Destinations);
}
