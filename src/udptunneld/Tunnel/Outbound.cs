// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The way out: what one wake-up read from the device is routed to its peer, filtered, cut, sealed and sent. Belongs to
/// the worker of its tunnel; allocates nothing, locks nothing, logs nothing.
/// </summary>
/// <param name="transport">Says who a packet goes to, and makes the datagrams.</param>
/// <param name="filter">The port filter.</param>
/// <param name="udp">Where datagrams leave.</param>
/// <param name="counters">What went out and what was dropped on the way; its own if somebody else has none.</param>
internal sealed unsafe class Outbound(
    ITransport transport,
    PortFilter filter,
    IUdp udp,
    DirectionCounters? counters = null
) : IDisposable
{
    private readonly EarlyFragments _early = new(
        Math.Max(transport.Headroom, VirtioNetHeader.Size),
        transport.Tailroom
    );
    private readonly Segmenter _segmenter = new(transport);
    private readonly SendBatch _batch = new(transport.Headroom, transport.Tailroom);
    private readonly int _headroom = transport.Headroom;
    private readonly int _tailroom = transport.Tailroom;
    private readonly uint _localPort = (uint)udp.LocalPort;

    // Who the batch's destinations are, and where they were when the first packet to them came.
    private readonly Peer[] _peers = new Peer[SendBatch.MaxDestinations];
    private readonly Endpoint[] _destinations = new Endpoint[SendBatch.MaxDestinations];
    private readonly SourceAddress[] _sources = new SourceAddress[SendBatch.MaxDestinations];
    private bool _hasSources;
    private byte _congestion;
    private int _destinationCount;
    private int _sent;
    private long _now;
    private UdpBurst _burst;
    private volatile IDropListener? _listener;
    private volatile Peer? _lastRefused;
    private volatile IPassListener? _passListener;

    /// <summary>What went out and what was dropped on the way.</summary>
    public DirectionCounters Counters { get; } = counters ?? new();

    /// <summary>
    /// The endpoint of the last peer whose datagrams the socket refused; empty if none was. For any thread.
    /// </summary>
    public string LastRefused => _lastRefused?.Current?.Endpoint.ToString() ?? "";

    /// <summary>Fragments that wait for their first one. For any thread.</summary>
    public int HeldFragments => _early.Count;

    /// <summary>Answers what is dropped, where the file asks for it.</summary>
    public Replies? Replies { get; set; }

    /// <summary>Finds out what the paths to the peers carry.</summary>
    public PathMtuDiscovery? Paths { get; set; }

    /// <summary>Is shown what is dropped, if there is one. For any thread.</summary>
    public IDropListener? Listener
    {
        get => _listener;
        set => _listener = value;
    }

    /// <summary>Is shown what passes the filter, if there is one. For any thread.</summary>
    public IPassListener? PassListener
    {
        get => _passListener;
        set => _passListener = value;
    }

    /// <summary>Sends what the filter lets pass.</summary>
    /// <param name="packets">As read from the device.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <returns>How many packets they became.</returns>
    public int Process(PacketBatch packets, long now)
    {
        _sent = 0;
        _now = now;
        transport.Advance(now);
        Expire(now);
        var seconds = (uint)(now / 1000);
        for (var i = 0; i < packets.Count; i++)
        {
            Add(packets, i, seconds);
        }

        Flush();
        Counters.CountDrop(DropReason.FlowTableFull, filter.TakeDisplaced(Direction.Out));
        _burst.GiveWay();
        return _sent;
    }

    /// <inheritdoc/>
    public void Dispose() => _batch.Dispose();

    /// <summary>Drops fragments whose first one did not come. For the worker.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Expire(long now) => Counters.CountDrop(DropReason.Fragment, _early.Expire((uint)(now / 1000)));

    private void Add(PacketBatch packets, int index, uint now)
    {
        var length = packets.Length(index);
        if (length <= 0)
        {
            Counters.CountDrop(DropReason.Malformed);
            return;
        }

        // Read before the transport's header is written over it.
        var header = VirtioNetHeader.Read(packets.Target(index));
        var packet = PacketView.Parse(packets.Packet(index), length);
        var verdict = filter.CheckForm(packet);
        var peer = verdict == DropReason.None ? transport.Route(packet, out verdict) : null;
        if (peer is not null && IsLoop(peer, packet))
        {
            verdict = DropReason.RoutingLoop;
        }
        else if (peer is not null || packet.Fault != DropReason.None)
        {
            verdict = filter.Check(Direction.Out, packet, now, peer?.Number ?? 0, peer?.Ports);
        }

        if (verdict == DropReason.Fragment && peer is not null && TryHold(peer, packet, now))
        {
            return;
        }

        if (verdict != DropReason.None || peer is null)
        {
            Drop(peer is null ? WhyNowhere(verdict, packet) : verdict, peer, packet);
            Replies?.OnDropOut(packet, verdict, now);
        }
        else
        {
            _passListener?.OnPass(Direction.Out, peer, new ReadOnlySpan<byte>(packet.Start, packet.Length));
            if (peer.Path.WantsTarget)
            {
                PathMtuDiscovery.OnSending(peer, packet);
            }

            if (MssClamp.IsAnnouncement(packet))
            {
                Paths?.Clamp(peer, packet, (header.Flags & VirtioNetHeader.NeedsChecksum) == 0);
            }

            // Sealing may encrypt the packet where it is.
            var hasHeld = packet.Part == FragmentPart.First && _early.Count > 0;
            var key = hasHeld ? filter.FragmentKeyOf(Direction.Out, packet, peer.Number) : default;
            if (header.GsoType == VirtioNetHeader.None)
            {
                AddPacket(peer, packet, header);
            }
            else
            {
                AddSuperpacket(peer, packet, header);
            }

            if (hasHeld)
            {
                AddHeld(peer, key);
            }
        }
    }

    private bool TryHold(Peer peer, in PacketView fragment, uint now)
    {
        var isHeld = _early.TryHold(
            filter.FragmentKeyOf(Direction.Out, fragment, peer.Number),
            fragment,
            now,
            out var displaced
        );
        Counters.CountDrop(DropReason.Fragment, displaced);
        return isHeld;
    }

    /// <summary>The first fragment of a packet has passed: those that came before it follow it.</summary>
    private void AddHeld(Peer peer, in FragmentKey key)
    {
        var slot = 0;
        var found = false;
        while (_early.TryFind(key, ref slot, out var fragment))
        {
            found = true;
            _passListener?.OnPass(Direction.Out, peer, new ReadOnlySpan<byte>(fragment.Start, fragment.Length));
            AddPacket(peer, fragment, default);
        }

        if (found)
        {
            Flush();
            _early.Release(key);
        }
    }

    /// <summary>No other program of this host sends from the socket's port; a host behind it may.</summary>
    private bool IsLoop(Peer peer, in PacketView packet) =>
        packet.Protocol == Ipv4Header.Udp
        && packet.Part != FragmentPart.Later
        && packet.Ports >> 16 == _localPort
        && peer.Current is { } address
        && RouteLoop.IsOwnDatagram(packet, address.Endpoint);

    /// <summary>What each IPv6 device says of itself goes to no peer, and is no fault of anybody's.</summary>
    private static DropReason WhyNowhere(DropReason verdict, in PacketView packet) =>
        packet.IsV6
        && packet.Fault == DropReason.None
        && packet.Protocol == Ipv4Header.Icmp
        && packet.Part != FragmentPart.Later
        && IcmpRule.Check(packet) == DropReason.LinkControl
            ? DropReason.LinkControl
            : verdict;

    private void AddPacket(Peer peer, in PacketView packet, in VirtioNetHeader header)
    {
        // The kernel leaves the checksum to the device, which we are.
        if (
            (header.Flags & VirtioNetHeader.NeedsChecksum) != 0
            && !Checksum.Complete(packet.Start, packet.Length, header.ChecksumStart, header.ChecksumOffset)
        )
        {
            Drop(DropReason.Malformed, peer, packet);
        }
        else if (packet.Length > LimitTo(peer))
        {
            AddLong(peer, packet);
        }
        else
        {
            AddWhole(peer, packet);
        }
    }

    /// <summary>Most bytes of a packet that goes in one piece.</summary>
    private int LimitTo(Peer peer) => Math.Min(peer.Path.Limit, _segmenter.MaxPacket);

    private void AddWhole(Peer peer, in PacketView packet)
    {
        if (!transport.TryBegin(peer, packet, 1, out var drop))
        {
            Drop(drop, peer, packet);
            return;
        }

        _burst.Count(packet.Protocol, 1);
        var congestion = CongestionMark.Of(packet);
        var datagram = packet.Start - _headroom;
        var length = transport.Seal(datagram, packet.Length);
        var taken = transport.End();
        if (length == 0)
        {
            Drop(taken > 0 ? DropReason.None : DropReason.SendFailed, peer, packet);
            return;
        }

        SetDestination(peer, congestion);
        if (!_batch.AddDatagram(datagram, length, packet.Length))
        {
            Flush();
            SetDestination(peer, congestion);
            _ = _batch.AddDatagram(datagram, length, packet.Length);
        }
    }

    /// <summary>
    /// A packet is longer than a datagram, or the path, carries. TCP does not mind being cut, so that a connection goes
    /// on whatever becomes of the path, and its packets are taken for superpackets of one segment; what may be
    /// fragmented is. The sender of anything else is told how long it may be, and sends it anew.
    /// </summary>
    private void AddLong(Peer peer, in PacketView packet)
    {
        if (
            packet.Protocol == Ipv4Header.Tcp
            && packet.Part == FragmentPart.Whole
            && (packet.ConnectionFlags & TcpHeader.Syn) == 0
        )
        {
            var type = packet.IsV6 ? VirtioNetHeader.TcpV6 : VirtioNetHeader.TcpV4;
            AddSuperpacket(peer, packet, new VirtioNetHeader { GsoType = type, GsoSize = ushort.MaxValue });
        }
        else if (packet.IsV6 && packet.Length <= Ipv6Header.LeastMtu)
        {
            // Every path of IPv6 carries that, and be it in fragments of the datagram (RFC 2473, section 7.1).
            AddWhole(peer, packet);
        }
        else if (Segmenter.TryPlanFragments(packet, LimitTo(peer), out var plan))
        {
            Cut(peer, plan);
        }
        else
        {
            DropLong(peer, packet, packets: 1);
        }
    }

    private void AddSuperpacket(Peer peer, in PacketView packet, in VirtioNetHeader header)
    {
        var verdict = _segmenter.Plan(packet, header, LimitTo(peer), out var plan);
        if (verdict == DropReason.TooBig)
        {
            DropLong(peer, packet, ((packet.Length - 1) / header.GsoSize) + 1);
        }
        else if (verdict != DropReason.None)
        {
            Drop(verdict, peer, packet);
        }
        else
        {
            if (plan.SegmentSize < header.GsoSize)
            {
                TellLimit(peer, packet);
            }

            Cut(peer, plan);
        }
    }

    private void Cut(Peer peer, in CutPlan plan)
    {
        if (!transport.TryBegin(peer, plan.Superpacket, plan.Datagrams, out var verdict))
        {
            Drop(verdict, peer, plan.Superpacket, plan.Datagrams);
            return;
        }

        var congestion = CongestionMark.Of(plan.Superpacket);
        SetDestination(peer, congestion);
        var before = _batch.DatagramCount;
        if (!_segmenter.TryCut(plan, _batch))
        {
            Flush();
            before = 0;
            SetDestination(peer, congestion);
            _ = _segmenter.TryCut(plan, _batch);
        }

        var taken = transport.End();
        Counters.CountDrop(DropReason.SendFailed, plan.Datagrams - taken - (_batch.DatagramCount - before));
    }

    private void DropLong(Peer peer, in PacketView packet, int packets)
    {
        Drop(peer.Path.IsLimited ? DropReason.FragmentationNeeded : DropReason.TooBig, peer, packet, packets);
        TellLimit(peer, packet);
    }

    /// <summary>Tells the sender of a packet how long it may be.</summary>
    private void TellLimit(Peer peer, in PacketView packet)
    {
        var limit = LimitTo(peer);
        Replies?.OnTooLong(packet, packet.IsV6 ? Math.Max(limit, Ipv6Header.LeastMtu) : limit, (uint)(_now / 1000));
    }

    /// <summary>Where the next datagrams go, and the bits of their packets, which theirs are too (RFC 6040).</summary>
    private void SetDestination(Peer peer, byte congestion)
    {
        if (congestion != _congestion)
        {
            Flush();
            _congestion = congestion;
        }

        // Trains to one peer are the rule; so few others are in a batch that a search beats a table.
        if (_destinationCount > 0 && ReferenceEquals(_peers[_batch.Destination], peer))
        {
            return;
        }

        var number = Array.IndexOf(_peers, peer, 0, _destinationCount);
        if (number < 0)
        {
            if (_destinationCount == SendBatch.MaxDestinations)
            {
                Flush();
            }

            number = _destinationCount++;
            _peers[number] = peer;
            _destinations[number] = peer.Current?.Endpoint ?? default;
            _sources[number] = peer.Local;
            _hasSources |= !peer.Local.IsNone;
        }

        _batch.Destination = number;
    }

    private void Flush()
    {
        if (!_batch.IsEmpty)
        {
            udp.SetCongestionBits(_congestion);
            var sources = _hasSources ? _sources.AsSpan(0, _destinationCount) : default;
            var result = udp.Send(_batch, _destinations.AsSpan(0, _destinationCount), sources);
            for (var i = 0; i < sources.Length; i++)
            {
                if (sources[i].IsNone)
                {
                    // It may be an address that this host had once.
                    _peers[i].Local = default;
                }
            }

            var bytes = _batch.PacketBytes;
            foreach (ref readonly var run in _batch.Runs)
            {
                var peer = _peers[run.Destination];
                peer.CountOut(run.Datagrams, run.PacketBytes);
                Paths?.OnSent(peer, run.DatagramSize, _now);
            }

            foreach (ref readonly var refusal in _batch.Refusals)
            {
                bytes -= OnRefusal(refusal);
            }

            Counters.Count(result.Sent, bytes);
            _sent += _batch.DatagramCount;
            _batch.Clear();
        }

        _destinationCount = 0;
        _hasSources = false;
    }

    /// <returns>Bytes of the packets that did not leave.</returns>
    private long OnRefusal(in Refusal refusal)
    {
        ref readonly var run = ref _batch.Runs[refusal.Run];
        var bytes =
            refusal.Datagrams == run.Datagrams
                ? run.PacketBytes
                : refusal.Bytes - (refusal.Datagrams * (long)(_headroom + _tailroom));
        var peer = _peers[run.Destination];
        _lastRefused = peer;
        peer.CountOut(-refusal.Datagrams, -bytes);
        Counters.CountDrop(refusal.Reason, refusal.Datagrams);
        if (_listener is { } listener)
        {
            for (var i = 0; i < refusal.Datagrams; i++)
            {
                var slice = _batch.Slices + run.FirstSlice + ((refusal.Datagram + i) * run.SlicesPerDatagram);
                var length = refusal.Datagram + i == run.Datagrams - 1 ? run.LastDatagramSize : run.DatagramSize;
                var beginning = _tailroom > 0 ? default : slice->Span[_headroom..];
                listener.OnDrop(Direction.Out, refusal.Reason, peer, beginning, length - _headroom);
            }
        }

        return bytes;
    }

    /// <summary>Drops what the device gave.</summary>
    /// <param name="reason">Why; None if the transport has taken it.</param>
    /// <param name="peer">Who it was for, if that is known.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="packets">As how many it counts.</param>
    private void Drop(DropReason reason, Peer? peer, in PacketView packet, int packets = 1)
    {
        if (reason != DropReason.None)
        {
            Counters.CountDrop(reason, packets);
            _listener?.OnDrop(
                Direction.Out,
                reason,
                peer,
                new ReadOnlySpan<byte>(packet.Start, packet.Length),
                packet.Length
            );
        }
    }
}
