using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The way out: what one wake-up read from the device is filtered, cut, sealed and sent. Belongs to the worker of its tunnel;
/// allocates nothing, locks nothing, logs nothing.
/// </summary>
/// <param name="wire">The wire format.</param>
/// <param name="filter">The port filter.</param>
/// <param name="udp">Where datagrams leave.</param>
/// <param name="peer">Where they go.</param>
/// <param name="mtu">Most bytes of an inner packet.</param>
internal sealed unsafe class Outbound(IWireFormat wire, PortFilter filter, IUdp udp, Peer peer, int mtu) : IDisposable
{
    private readonly Segmenter _segmenter = new(wire, mtu);
    private readonly SendBatch _batch = new(wire.HeaderLength);
    private readonly int _headerLength = wire.HeaderLength;
    private int _sent;
    private UdpBurst _burst;

    /// <summary>What went out and what was dropped on the way.</summary>
    public DirectionCounters Counters { get; } = new();

    /// <summary>Sends what the filter lets pass.</summary>
    /// <param name="packets">As read from the device.</param>
    /// <param name="now">Seconds of the monotonic clock.</param>
    /// <returns>How many packets they became.</returns>
    public int Process(PacketBatch packets, uint now)
    {
        _sent = 0;
        for (var i = 0; i < packets.Count; i++)
        {
            Add(packets, i, now);
        }

        Flush();
        Counters.CountDrop(DropReason.FlowTableFull, filter.TakeDisplaced(Direction.Out));
        _burst.GiveWay();
        return _sent;
    }

    /// <inheritdoc/>
    public void Dispose() => _batch.Dispose();

    private void Add(PacketBatch packets, int index, uint now)
    {
        var length = packets.Length(index);
        if (length <= 0)
        {
            Counters.CountDrop(DropReason.Malformed);
            return;
        }

        // Read before the wire format's header is written over it.
        var header = VirtioNetHeader.Read(packets.Target(index));
        var packet = PacketView.Parse(packets.Packet(index), length);
        var verdict = filter.Check(Direction.Out, packet, now);
        if (verdict != DropReason.None)
        {
            Counters.CountDrop(verdict);
        }
        else if (header.GsoType == VirtioNetHeader.None)
        {
            AddPacket(packet, header);
        }
        else
        {
            AddSuperpacket(packet, header);
        }
    }

    private void AddPacket(in PacketView packet, in VirtioNetHeader header)
    {
        var datagram = packet.Start - _headerLength;
        var datagramLength = _headerLength + packet.Length;
        if (datagramLength > SendBatch.MaxRunBytes)
        {
            AddTooBig(packet, header);
            return;
        }

        // The kernel leaves the checksum to the device, which we are.
        if ((header.Flags & VirtioNetHeader.NeedsChecksum) != 0
            && !Checksum.Complete(packet.Start, packet.Length, header.ChecksumStart, header.ChecksumOffset))
        {
            Counters.CountDrop(DropReason.Malformed);
            return;
        }

        _burst.Count(packet.Protocol, 1);
        wire.Seal(datagram, datagramLength);
        if (!_batch.AddDatagram(datagram, datagramLength))
        {
            Flush();
            _ = _batch.AddDatagram(datagram, datagramLength);
        }
    }

    /// <summary>
    /// The largest MTUs let the kernel make packets that no datagram can carry. Dropping those of TCP would stall a connection for good, and nobody
    /// says "fragmentation needed" inside a tunnel; but TCP does not mind being cut, so they are taken for superpackets of one segment.
    /// </summary>
    private void AddTooBig(in PacketView packet, in VirtioNetHeader header)
    {
        if (packet.Protocol == Ipv4Header.Tcp)
        {
            var type = packet.IsV6 ? VirtioNetHeader.TcpV6 : VirtioNetHeader.TcpV4;
            AddSuperpacket(packet, header with { GsoType = type, GsoSize = ushort.MaxValue });
        }
        else
        {
            Counters.CountDrop(DropReason.TooBig);
        }
    }

    private void AddSuperpacket(in PacketView packet, in VirtioNetHeader header)
    {
        var verdict = _segmenter.Plan(packet, header, out var plan);
        if (verdict != DropReason.None)
        {
            Counters.CountDrop(verdict);
            return;
        }

        if (!_segmenter.TryCut(plan, _batch))
        {
            Flush();
            _ = _segmenter.TryCut(plan, _batch);
        }
    }

    private void Flush()
    {
        if (_batch.IsEmpty)
        {
            return;
        }

        if (peer.Current is { } address)
        {
            var result = udp.Send(_batch, address.Endpoint);
            Counters.Count(result.Sent, result.SentBytes - ((long)result.Sent * _headerLength));
            Counters.CountDrop(DropReason.TooBig, result.TooBig);
            Counters.CountDrop(DropReason.SendFailed, result.Failed);
            Counters.CountDrop(DropReason.SendBufferFull, result.BufferFull);
        }
        else
        {
            Counters.CountDrop(DropReason.NoPeer, _batch.DatagramCount);
        }

        _sent += _batch.DatagramCount;
        _batch.Clear();
    }
}
