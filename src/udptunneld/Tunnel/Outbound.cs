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
    private PeerProof? _proof;
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
        _proof = peer.Current?.Proof;
        for (var i = 0; i < packets.Count; i++)
        {
            Add(packets, i, now);
        }

        Flush();
        _burst.GiveWay();
        return _sent;
    }

    /// <inheritdoc/>
    public void Dispose() => _batch.Dispose();

    private void Add(PacketBatch packets, int index, uint now)
    {
        var packet = packets.Packet(index);
        var length = packets.Length(index);
        if (length <= 0)
        {
            Counters.CountDrop(DropReason.Malformed);
            return;
        }

        // Read before the wire format's header is written over it.
        var header = VirtioNetHeader.Read(packets.Target(index));
        var verdict = filter.Check(Direction.Out, packet, length, now);
        if (verdict != DropReason.None)
        {
            Counters.CountDrop(verdict);
            return;
        }

        _proof?.OnSending(packet, length);
        if (header.GsoType == VirtioNetHeader.None)
        {
            AddPacket(packet, length, header);
        }
        else
        {
            AddSuperpacket(packet, length, header);
        }
    }

    private void AddPacket(byte* packet, int length, in VirtioNetHeader header)
    {
        var datagram = packet - _headerLength;
        var datagramLength = _headerLength + length;
        if (datagramLength > SendBatch.MaxRunBytes)
        {
            AddTooBig(packet, length, header);
            return;
        }

        // The kernel leaves the checksum to the device, which we are.
        if ((header.Flags & VirtioNetHeader.NeedsChecksum) != 0
            && !Checksum.Complete(packet, length, header.ChecksumStart, header.ChecksumOffset))
        {
            Counters.CountDrop(DropReason.Malformed);
            return;
        }

        _burst.Count(packet, 1);
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
    private void AddTooBig(byte* packet, int length, in VirtioNetHeader header)
    {
        if (packet[Ipv4Header.Protocol] == Ipv4Header.Tcp)
        {
            AddSuperpacket(packet, length, header with { GsoType = VirtioNetHeader.TcpV4, GsoSize = ushort.MaxValue });
        }
        else
        {
            Counters.CountDrop(DropReason.TooBig);
        }
    }

    private void AddSuperpacket(byte* packet, int length, in VirtioNetHeader header)
    {
        var verdict = _segmenter.Plan(packet, length, header, out var plan);
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

    private static long BytesOf(SendBatch batch)
    {
        long bytes = 0;
        foreach (ref readonly var run in batch.Runs)
        {
            bytes += run.TotalBytes;
        }

        return bytes;
    }

    private void Flush()
    {
        if (_batch.IsEmpty)
        {
            return;
        }

        if (peer.Current is not { } address)
        {
            Counters.CountDrop(DropReason.NoPeer, _batch.DatagramCount);
        }
        else if (address.Proof is { } proof && !proof.TrySpend(BytesOf(_batch)))
        {
            Counters.CountDrop(DropReason.PeerUnproven, _batch.DatagramCount);
        }
        else
        {
            var result = udp.Send(_batch, address.Endpoint);
            Counters.Count(result.Sent, result.SentBytes - ((long)result.Sent * _headerLength));
            Counters.CountDrop(DropReason.TooBig, result.TooBig);
            Counters.CountDrop(DropReason.SendFailed, result.Failed);
        }

        _sent += _batch.DatagramCount;
        _batch.Clear();
    }
}
