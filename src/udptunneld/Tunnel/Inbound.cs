// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The way in: what one wake-up received is opened, filtered, coalesced and written to the device. Belongs to the
/// worker of its tunnel; allocates nothing (but for a peer that moves), locks nothing, logs nothing.
/// </summary>
/// <param name="transport">Opens datagrams and says whose they are.</param>
/// <param name="filter">The port filter.</param>
/// <param name="tun">Where packets go.</param>
/// <param name="coalescer">The worker's, empty whenever it does not call.</param>
/// <param name="rules">Which inner addresses packets may have.</param>
internal sealed unsafe class Inbound(
    ITransport transport,
    PortFilter filter,
    AddressRules rules,
    ITun tun,
    Coalescer coalescer
)
{
    private readonly EarlyFragments _early = new(VirtioNetHeader.Size, tailroom: 0);

    private TunOffloads _merges = tun.Offloads;
    private long _heartbeats;
    private int _datagrams;
    private long _now;
    private int _largestDatagram;

    // What has passed of the peer whose datagrams are looked at, counted when it is another's turn.
    private int _packets;
    private long _bytes;

    private long _messageTotal;
    private long _datagramTotal;
    private UdpBurst _burst;
    private volatile IDropListener? _listener;
    private volatile IPassListener? _passListener;

    /// <summary>What came in and what was dropped on the way.</summary>
    public DirectionCounters Counters { get; } = new();

    /// <summary>Length of the longest datagram that came from a peer. For any thread.</summary>
    public int LargestDatagram => Volatile.Read(ref _largestDatagram);

    /// <summary>Datagrams of peers without a packet: heartbeats, handshakes.</summary>
    public long Heartbeats => Volatile.Read(ref _heartbeats);

    /// <summary>
    /// Groups that the device still takes; fewer than <see cref="ITun.Offloads"/> after it refused one.
    /// </summary>
    public TunOffloads Merges => _merges;

    /// <summary>
    /// Messages of the socket, each a datagram or a run of them, and the datagrams in them. For any thread.
    /// </summary>
    public (long Messages, long Datagrams) Arrived =>
        (Volatile.Read(ref _messageTotal), Volatile.Read(ref _datagramTotal));

    /// <summary>Fragments that wait for their first one. For any thread.</summary>
    public int HeldFragments => _early.Count;

    /// <summary>Finds out what the paths to the peers carry.</summary>
    public PathMtuDiscovery? Paths { get; init; }

    /// <summary>Answers what is dropped, where the file asks for it.</summary>
    public Replies? Replies { get; init; }

    /// <summary>Is shown what is dropped, if there is one. For any thread.</summary>
    public IDropListener? Listener
    {
        get => _listener;
        set => _listener = value;
    }

    /// <summary>Is shown what passes, if there is one. For any thread.</summary>
    public IPassListener? PassListener
    {
        get => _passListener;
        set => _passListener = value;
    }

    /// <summary>Writes to the device what the filter lets pass.</summary>
    /// <param name="messages">As received.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <returns>How many datagrams they were.</returns>
    public int Process(ReceiveBatch messages, long now)
    {
        _datagrams = 0;
        _now = now;
        transport.Advance(now);
        Expire(now);
        coalescer.MergeTcp = (_merges & TunOffloads.Tcp) != 0;
        coalescer.MergeUdp = (_merges & TunOffloads.Udp) != 0;
        var seconds = (uint)(now / 1000);
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages.IsTruncated(i))
            {
                Drop(DropReason.TooBig, null, messages.Start(i), messages.Length(i));
            }
            else
            {
                AddRun(messages, i, seconds);
            }
        }

        _messageTotal += messages.Count;
        _datagramTotal += _datagrams;
        if (!messages.IsFull)
        {
            transport.OnDrained();
        }

        Flush();
        Counters.CountDrop(DropReason.FlowTableFull, filter.TakeDisplaced(Direction.In));
        return _datagrams;
    }

    /// <summary>Takes the datagrams of one message.</summary>
    private void AddRun(ReceiveBatch messages, int index, uint now)
    {
        var datagram = messages.Start(index);
        var length = messages.Length(index);
        var datagramSize = messages.DatagramSize(index);
        ref readonly var source = ref messages.Source(index);
        var local = messages.Local(index);
        var congestion = messages.CongestionBits(index);
        var passed = default(PacketView);
        Peer? last = null;
        do
        {
            var size = Math.Min(datagramSize, length);
            var opened = transport.Open(datagram, size, source, local);
            if (opened.Drop != DropReason.None)
            {
                Drop(opened.Drop, opened.Peer, datagram, size);
            }
            else if (opened.Peer is { } peer)
            {
                if (last is not null && !ReferenceEquals(last, peer))
                {
                    EndRun(last, source, passed);
                    passed = default;
                }

                last = peer;
                if (opened.Length == 0)
                {
                    _heartbeats++;
                }
                else if (congestion != 0 && !CongestionMark.TryApply(opened.Packet, opened.Length, congestion))
                {
                    Drop(DropReason.CongestionMark, peer, opened.Packet, opened.Length);
                }
                else
                {
                    AddPacket(peer, opened.Packet, opened.Length, now, ref passed);
                }
            }

            _datagrams++;
            datagram += size;
            length -= size;
        } while (length > 0);

        if (last is not null)
        {
            EndRun(last, source, passed);
            if (datagramSize > _largestDatagram)
            {
                Volatile.Write(ref _largestDatagram, datagramSize);
            }
        }
    }

    private void EndRun(Peer peer, in Endpoint source, in PacketView passed)
    {
        peer.CountIn(_packets, _bytes);
        _packets = 0;
        _bytes = 0;
        if (passed.Length > peer.LongestPacket)
        {
            peer.LongestPacket = passed.Length;
        }

        transport.OnReceived(peer, source, passed);
    }

    private void AddPacket(Peer peer, byte* start, int length, uint now, ref PacketView passed)
    {
        var packet = PacketView.Parse(start, length);
        if (packet.Protocol == Ipv4Header.Icmp && Paths?.TryTakeAnswer(peer, packet, _now) == true)
        {
            return;
        }

        var verdict = rules.Check(packet);
        if (verdict == DropReason.None)
        {
            verdict = filter.Check(Direction.In, packet, now, peer.Number, peer.Ports);
        }

        if (verdict == DropReason.Fragment && TryHold(peer, packet, now))
        {
            return;
        }

        if (verdict != DropReason.None)
        {
            Drop(verdict, peer, start, length);
            Replies?.OnDropIn(peer, packet, verdict, now);
            return;
        }

        _passListener?.OnPass(Direction.In, peer, new ReadOnlySpan<byte>(start, length));
        if (MssClamp.IsAnnouncement(packet))
        {
            Paths?.Clamp(peer, packet, hasChecksum: true);
        }

        passed = packet;
        _packets++;
        _bytes += length;
        if (!coalescer.Add(packet))
        {
            Flush();
            _ = coalescer.Add(packet);
        }

        if (packet.Part == FragmentPart.First && _early.Count > 0)
        {
            AddHeld(peer, packet);
        }
    }

    /// <summary>Drops fragments whose first one did not come. For the worker.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Expire(long now) => Counters.CountDrop(DropReason.Fragment, _early.Expire((uint)(now / 1000)));

    private bool TryHold(Peer peer, in PacketView fragment, uint now)
    {
        var isHeld = _early.TryHold(
            filter.FragmentKeyOf(Direction.In, fragment, peer.Number),
            fragment,
            now,
            out var displaced
        );
        Counters.CountDrop(DropReason.Fragment, displaced);
        return isHeld;
    }

    /// <summary>The first fragment of a packet has passed: those that came before it follow it.</summary>
    private void AddHeld(Peer peer, in PacketView first)
    {
        var key = filter.FragmentKeyOf(Direction.In, first, peer.Number);
        var slot = 0;
        var found = false;
        while (_early.TryFind(key, ref slot, out var fragment))
        {
            found = true;
            _passListener?.OnPass(Direction.In, peer, new ReadOnlySpan<byte>(fragment.Start, fragment.Length));
            _packets++;
            _bytes += fragment.Length;
            if (!coalescer.Add(fragment))
            {
                Flush();
                _ = coalescer.Add(fragment);
            }
        }

        if (found)
        {
            Flush();
            _early.Release(key);
        }
    }

    private void Drop(DropReason reason, Peer? peer, byte* bytes, int length)
    {
        Counters.CountDrop(reason);
        _listener?.OnDrop(Direction.In, reason, peer, new ReadOnlySpan<byte>(bytes, length), length);
    }

    private void Flush()
    {
        if (coalescer.IsEmpty)
        {
            return;
        }

        var groups = coalescer.Finish();
        for (var i = 0; i < groups.Length; i++)
        {
            Write(i, groups[i]);
            _burst.GiveWay();
        }

        coalescer.Clear();
    }

    private void Write(int index, in Group group)
    {
        var slices = coalescer.Slices + group.FirstSlice;
        switch (tun.Write(slices, group.SliceCount))
        {
            case WriteStatus.Written:
                // On the wire each packet had its own headers; the group has them once.
                Counters.Count(group.SliceCount, group.PacketBytes);
                _burst.Count(group.Protocol, group.SliceCount);
                break;
            case WriteStatus.Refused when group.IsMerged:
                WriteSingly(index, group.Protocol);
                break;
            default:
                DropGroup(index);
                break;
        }
    }

    /// <summary>
    /// The device refuses a superpacket: its packets go one by one, and no more are made of that kind.
    /// </summary>
    private void WriteSingly(int index, byte protocol)
    {
        var packets = coalescer.Unmerge(index);
        if (protocol == Ipv4Header.Tcp)
        {
            _merges &= ~TunOffloads.Tcp;
            coalescer.MergeTcp = false;
        }
        else
        {
            _merges &= ~TunOffloads.Udp;
            coalescer.MergeUdp = false;
        }

        fixed (Slice* first = packets)
        {
            for (var i = 0; i < packets.Length; i++)
            {
                if (tun.Write(first + i, 1) == WriteStatus.Written)
                {
                    Counters.Count(1, packets[i].Length - VirtioNetHeader.Size);
                    _burst.Count(protocol, 1);
                }
                else
                {
                    Drop(DropReason.DeviceFailed, packets[i]);
                }
            }
        }
    }

    private void DropGroup(int index)
    {
        foreach (ref readonly var packet in coalescer.Unmerge(index))
        {
            Drop(DropReason.DeviceFailed, packet);
        }
    }

    private void Drop(DropReason reason, in Slice packet) =>
        Drop(reason, null, packet.Start + VirtioNetHeader.Size, packet.Length - VirtioNetHeader.Size);
}
