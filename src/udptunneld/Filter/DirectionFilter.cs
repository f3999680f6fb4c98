using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The port filter for the packets of one direction; belongs to the tunnel's worker. Malformed packets are dropped
/// first, so that both ends read the same ports from what passes.
/// </summary>
/// <remarks>
/// The IPv4 header's checksum, TTL, options and the transport's checksum are not looked at: the kernel that gets the
/// packet does that (ip_rcv), and a packet that it drops for them opened no more than its sender could have opened with
/// a good one.
/// </remarks>
/// <param name="opened">The flows that this direction opens.</param>
/// <param name="answered">The flows that the other direction opens.</param>
internal sealed unsafe class DirectionFilter(FlowTable opened, FlowTable answered)
{
    private const ushort MoreFragments = 0x2000;
    private const ushort OffsetMask = 0x1FFF;
    private const int OffsetUnit = 8;

    private readonly FragmentTable _fragments = new();

    // The last flow that passed, and when and by which ports: a batch is mostly packets of one flow. Only passing may
    // be taken for granted for the rest of the second; what was dropped as an answer to nothing may be an answer a
    // moment later.
    private FlowKey _last;
    private uint _lastNow;
    private PortBitmap? _lastPorts;
    private long _displaced;

    /// <summary>The verdict on a packet or superpacket.</summary>
    /// <param name="ports">The allowed ports.</param>
    /// <param name="packet">First byte of the packet.</param>
    /// <param name="length">Length of the packet, in bytes.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns>None if it passes.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason Check(PortBitmap ports, byte* packet, int length, uint now)
    {
        if (length <= 0 || packet[0] >> 4 != 4)
        {
            return DropReason.NotIpv4;
        }

        if (length < Ipv4Header.MinLength)
        {
            return DropReason.Malformed;
        }

        // Bytes behind the total length would be an unchecked stowaway: the device gives none, and a peer has no reason
        // to.
        int headerLength = (packet[0] & 0x0F) * 4;
        if (headerLength < Ipv4Header.MinLength
            || headerLength > length
            || NetworkOrder.ReadUInt16(packet + Ipv4Header.TotalLength) != length)
        {
            return DropReason.Malformed;
        }

        if (!TransportHeader.IsKnown(packet[Ipv4Header.Protocol]))
        {
            return DropReason.Protocol;
        }

        int fragmentWord = NetworkOrder.ReadUInt16(packet + Ipv4Header.FragmentWord);
        return (fragmentWord & Ipv4Header.FragmentMask) == 0
            ? CheckTransport(ports, packet, headerLength, length, whole: true, now)
            : CheckFragment(ports, packet, headerLength, length, fragmentWord, now);
    }

    /// <summary>Live flows that gave way to new ones since this was asked last.</summary>
    public int TakeDisplaced()
    {
        long displaced = opened.Displaced;
        int taken = (int)(displaced - _displaced);
        _displaced = displaced;
        return taken;
    }

    /// <summary>
    /// A first fragment is decided like a packet; a later one has no ports, and passes if its first one did. One that
    /// overtook its first is dropped as well: Linux sends them in order.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private DropReason CheckFragment(
        PortBitmap ports, byte* packet, int headerLength, int length, int fragmentWord, uint now)
    {
        int offset = (fragmentWord & OffsetMask) * OffsetUnit;
        bool more = (fragmentWord & MoreFragments) != 0;
        var key = new FragmentKey(packet);

        // RFC 791, section 3.2: only the last fragment may end off the 8-byte grid; and no packet is longer than its
        // length field can say.
        bool impossible = (more && (length - headerLength) % OffsetUnit != 0)
            || offset + length > Ipv4Header.MaxPacketLength;
        if (offset == 0)
        {
            DropReason verdict = impossible
                ? DropReason.Malformed
                : CheckTransport(ports, packet, headerLength, length, whole: false, now);
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

        // Offset 8 lies within the TCP header, whose flags it could replace (RFC 1858, section 4; RFC 3128). Ports are
        // in the first 8 bytes, which no later fragment can reach.
        if (impossible || (offset == OffsetUnit && packet[Ipv4Header.Protocol] == Ipv4Header.Tcp))
        {
            return DropReason.Malformed;
        }

        return _fragments.Contains(key, now) ? DropReason.None : DropReason.Fragment;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private DropReason CheckTransport(
        PortBitmap ports, byte* packet, int headerLength, int length, bool whole, uint now)
    {
        byte protocol = packet[Ipv4Header.Protocol];
        byte* transport = packet + headerLength;
        if (!TransportHeader.IsWellFormed(protocol, transport, length - headerLength, whole))
        {
            return DropReason.Malformed;
        }

        if (protocol == Ipv4Header.Icmp)
        {
            return TransportHeader.IsEchoOrError(transport[0]) ? DropReason.None : DropReason.IcmpType;
        }

        var key = new FlowKey(packet, transport);
        return key.Is(_last) && now == _lastNow && ports == _lastPorts
            ? DropReason.None
            : CheckFlow(ports, key, now);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DropReason CheckFlow(PortBitmap ports, in FlowKey key, uint now)
    {
        bool fromAllowed = ports.Contains(key.SourcePort);
        bool toAllowed = ports.Contains(key.DestinationPort);
        if (!fromAllowed && toAllowed)
        {
            opened.Remember(key, now);
        }

        DropReason verdict = (fromAllowed, toAllowed) switch
        {
            (_, true) => DropReason.None,
            (true, false) => answered.Answer(key.Reversed, now) ? DropReason.None : DropReason.NoFlow,
            (false, false) => DropReason.Port,
        };

        if (verdict == DropReason.None)
        {
            _last = key;
            _lastNow = now;

            // A store of a reference costs more than a look at it.
            if (_lastPorts != ports)
            {
                _lastPorts = ports;
            }
        }

        return verdict;
    }
}
