// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The port filter for the packets of one direction; belongs to the tunnel's worker. Malformed packets are dropped
/// first, so that both ends read the same ports from what passes.
/// </summary>
/// <param name="opened">The flows that this direction opens.</param>
/// <param name="answered">The flows that the other direction opens.</param>
/// <param name="versions">Which packets the tunnel carries.</param>
internal sealed class DirectionFilter(FlowTable opened, FlowTable answered, IpVersions versions)
{
    private readonly FragmentTable _fragments = new();

    // The last flow that passed, and when and by which ports: a batch is mostly packets of one flow, and until the next
    // second, or a packet that opens or ends a connection, nothing changes for it. Only passing may be taken for
    // granted for the rest of the second; what was dropped as an answer to nothing may be an answer a moment later.
    private FlowKey _last;
    private uint _lastNow;
    private PortBitmap? _lastPorts;
    private long _displaced;

    /// <summary>The verdict on a packet or superpacket.</summary>
    /// <param name="ports">The allowed ports.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="peer">Number of the peer that it comes from or goes to.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns>None if it passes.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason Check(PortBitmap ports, in PacketView packet, ushort peer, uint now)
    {
        if (packet.IsV6 && versions == IpVersions.V4)
        {
            return DropReason.NotIpv4;
        }

        if (packet.Part != FragmentPart.Whole)
        {
            return CheckFragment(ports, packet, peer, now);
        }

        return packet.Fault != DropReason.None ? packet.Fault : CheckTransport(ports, packet, peer, now);
    }

    /// <summary>Whether the tunnel carries such a packet and it is what it says it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason CheckForm(in PacketView packet) =>
        packet.IsV6 && versions == IpVersions.V4 ? DropReason.NotIpv4 : packet.Fault;

    /// <summary>The key of a fragment's packet.</summary>
    public FragmentKey KeyOf(in PacketView packet, ushort peer) => _fragments.KeyOf(packet, peer);

    /// <summary>Live flows that gave way to new ones since this was asked last.</summary>
    public int TakeDisplaced()
    {
        long displaced = opened.Displaced;
        int taken = (int)(displaced - _displaced);
        _displaced = displaced;
        return taken;
    }

    /// <summary>
    /// A first fragment is decided like a packet; a later one has no ports, and passes if its first one did.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private DropReason CheckFragment(PortBitmap ports, in PacketView packet, ushort peer, uint now)
    {
        FragmentKey key = _fragments.KeyOf(packet, peer);
        if (packet.Part == FragmentPart.Later)
        {
            return packet.Fault != DropReason.None ? packet.Fault
                : _fragments.Contains(key, now) ? DropReason.None
                : DropReason.Fragment;
        }

        DropReason verdict = packet.Fault != DropReason.None ? packet.Fault : CheckTransport(ports, packet, peer, now);
        if (verdict == DropReason.None)
        {
            _fragments.Remember(key, now);
        }
        else
        {
            _fragments.Forget(key);
        }

        return verdict;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private DropReason CheckTransport(PortBitmap ports, in PacketView packet, ushort peer, uint now)
    {
        if (packet.Protocol == Ipv4Header.Icmp)
        {
            return IcmpRule.Check(packet);
        }

        var key = new FlowKey(packet, peer);
        byte flags = packet.ConnectionFlags;
        return flags == 0 && key.Is(_last) && now == _lastNow && ports == _lastPorts
            ? DropReason.None
            : CheckFlow(ports, key, now, flags);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DropReason CheckFlow(PortBitmap ports, in FlowKey key, uint now, byte flags)
    {
        bool fromAllowed = ports.Contains(key.SourcePort);
        bool toAllowed = ports.Contains(key.DestinationPort);
        bool isSettled = fromAllowed || !toAllowed || opened.Remember(key, now, flags);

        DropReason verdict = (fromAllowed, toAllowed) switch
        {
            (_, true) => DropReason.None,
            (true, false) => answered.Answer(key.Reversed, now, flags) ? DropReason.None : DropReason.NoFlow,
            (false, false) => DropReason.Port,
        };

        if (verdict == DropReason.None && isSettled)
        {
            _last = key;
            _lastNow = now;

            // A store of a reference costs more than a look at it.
            if (_lastPorts != ports)
            {
                _lastPorts = ports;
            }
        }
        else if (!isSettled)
        {
            // It may be the one that was settled before.
            _lastPorts = null;
        }

        return verdict;
    }
}
