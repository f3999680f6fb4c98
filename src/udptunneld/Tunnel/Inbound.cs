using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The way in: what one wake-up received is opened, filtered, coalesced and written to the device. Belongs to the worker of its tunnel;
/// allocates nothing (but for a peer that moves), locks nothing, logs nothing.
/// </summary>
/// <param name="wire">The wire format.</param>
/// <param name="filter">The port filter.</param>
/// <param name="tun">Where packets go.</param>
/// <param name="peer">Where they come from.</param>
/// <param name="coalescer">The worker's, empty whenever it does not call.</param>
/// <param name="rules">Which inner addresses packets may have.</param>
/// <param name="claims">Decides whether the source of a good datagram becomes the peer (server); null if the peer is given (client).</param>
internal sealed unsafe class Inbound(
    IWireFormat wire, PortFilter filter, AddressRules rules, ITun tun, Peer peer, Coalescer coalescer, PeerClaims? claims)
{
    private readonly int _headerLength = wire.HeaderLength;
    private TunOffloads _merges = tun.Offloads;
    private long _heartbeats;
    private int _datagrams;
    private UdpBurst _burst;
    private byte* _lastPassed;
    private PeerProof? _proof;
    private bool _isProven;

    /// <summary>What came in and what was dropped on the way.</summary>
    public DirectionCounters Counters { get; } = new();

    /// <summary>Heartbeats from the peer.</summary>
    public long Heartbeats => Volatile.Read(ref _heartbeats);

    /// <summary>Groups that the device still takes; fewer than <see cref="ITun.Offloads"/> after it refused one.</summary>
    public TunOffloads Merges => _merges;

    /// <summary>Writes to the device what the filter lets pass.</summary>
    /// <param name="messages">As received.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <returns>How many datagrams they were.</returns>
    public int Process(ReceiveBatch messages, long now)
    {
        _datagrams = 0;
        coalescer.MergeTcp = (_merges & TunOffloads.Tcp) != 0;
        coalescer.MergeUdp = (_merges & TunOffloads.Udp) != 0;
        var seconds = (uint)(now / 1000);
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages.IsTruncated(i))
            {
                Counters.CountDrop(DropReason.TooBig);
                continue;
            }

            if (AddRun(messages.Start(i), messages.Length(i), messages.DatagramSize(i), seconds))
            {
                OnHeard(messages.Source(i), messages.Length(i), now);
            }
        }

        if (!messages.IsFull)
        {
            claims?.Settle(now);
        }

        Flush();
        return _datagrams;
    }

    /// <summary>Takes the datagrams of one message.</summary>
    /// <returns>Whether one of them came from the peer.</returns>
    private bool AddRun(byte* datagram, int length, int datagramSize, uint now)
    {
        var heard = false;
        _lastPassed = null;
        _proof = peer.Current?.Proof;
        _isProven = false;
        do
        {
            var size = Math.Min(datagramSize, length);
            var verdict = wire.Open(datagram, size);
            if (verdict == DropReason.None)
            {
                heard = true;
                AddPacket(datagram + _headerLength, size - _headerLength, now);
            }
            else
            {
                Counters.CountDrop(verdict);
            }

            _datagrams++;
            datagram += size;
            length -= size;
        }
        while (length > 0);

        return heard;
    }

    private void AddPacket(byte* packet, int length, uint now)
    {
        if (length == 0)
        {
            _heartbeats++;
            return;
        }

        var verdict = rules.Check(packet, length);
        if (verdict == DropReason.None)
        {
            verdict = filter.Check(Direction.In, packet, length, now);
        }

        if (verdict != DropReason.None)
        {
            Counters.CountDrop(verdict);
            return;
        }

        _lastPassed = packet;
        _isProven |= _proof is not null && _proof.IsAnswer(packet, length);
        if (!coalescer.Add(packet, length))
        {
            Flush();
            _ = coalescer.Add(packet, length);
        }
    }

    private void OnHeard(in Endpoint source, int bytes, long now)
    {
        if (claims is null)
        {
            peer.LastHeard = now;
        }
        else
        {
            var inner = _lastPassed is null ? 0 : NetworkOrder.ReadUInt32(_lastPassed + Ipv4Header.Source);
            claims.OnDatagram(source, inner, bytes, _isProven, now);
        }
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
                _burst.Count(slices->Start + VirtioNetHeader.Size, group.SliceCount);
                break;
            case WriteStatus.Refused when group.IsMerged:
                WriteSingly(index);
                break;
            default:
                Counters.CountDrop(DropReason.DeviceFailed, group.SliceCount);
                break;
        }
    }

    /// <summary>The device refuses a superpacket: its packets go one by one, and no more are made of that kind.</summary>
    private void WriteSingly(int index)
    {
        var packets = coalescer.Unmerge(index);
        if (packets[0].Start[VirtioNetHeader.Size + Ipv4Header.Protocol] == Ipv4Header.Tcp)
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
                    _burst.Count(packets[i].Start + VirtioNetHeader.Size, 1);
                }
                else
                {
                    Counters.CountDrop(DropReason.DeviceFailed);
                }
            }
        }
    }
}
