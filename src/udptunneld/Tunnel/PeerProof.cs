// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What an endpoint that became the peer by a datagram has still to prove: that it gets what is sent to it (return
/// routability, as RFC 9000, section 8, has it for QUIC). The source of a datagram can be forged, and a tunnel must not
/// send a stream to somebody who never asked.
/// <para>
/// Until then it gets no more than <see cref="FirstAllowance"/> and three times what came from it. It is proven by the
/// answer to an echo request with a number that only who got the request knows, which every host gives, or where pings
/// are not answered, by the acknowledgment of what was sent to it in a TCP connection.
/// </para>
/// </summary>
/// <param name="number">Of the echo requests: random.</param>
/// <param name="allowance">Bytes that may be sent before anything more comes in.</param>
internal sealed unsafe class PeerProof(ulong number, int allowance)
{
    /// <summary>
    /// The most that one endpoint gets for its first datagram, in bytes: some packets of a usual MTU.
    /// </summary>
    public const int FirstAllowance = 4096;

    private const int Amplification = 3;
    private const int RememberedSegments = 16;
    private const byte Syn = 0x02;

    // Of the worker alone, which handles both directions.
    private readonly Segment[] _segments = new Segment[RememberedSegments];
    private int _nextSegment;
    private volatile bool _isGiven;
    private long _allowance = allowance;

    /// <summary>The number that an answer has to have.</summary>
    public ulong Number => number;

    /// <summary>Whether the proof was given.</summary>
    public bool IsGiven => _isGiven;

    /// <summary>Whether the host there answers pings, so that its silence says something.</summary>
    public bool AnswersPings { get; private set; }

    /// <summary>The proof was given.</summary>
    public void Give() => _isGiven = true;

    /// <summary>Something came from there.</summary>
    /// <param name="bytes">How much.</param>
    public void OnReceived(int bytes) => Interlocked.Add(ref _allowance, (long)bytes * Amplification);

    /// <summary>Whether so many bytes may be sent there; then they count as sent.</summary>
    public bool TrySpend(long bytes)
    {
        if (Interlocked.Add(ref _allowance, -bytes) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _allowance, bytes);
        return false;
    }

    /// <summary>Remembers which acknowledgment would prove that a packet arrived.</summary>
    /// <param name="packet">A packet or superpacket that the port filter lets pass.</param>
    public void OnSending(in PacketView packet)
    {
        if (!HasTcpHeader(packet))
        {
            return;
        }

        var header = packet.Transport;
        var flags = header[TcpHeader.Flags];
        var payload = packet.TransportLength - ((header[TcpHeader.DataOffset] >> 4) * 4);
        var advance = (uint)payload + ((flags & Syn) != 0 ? 1u : 0) + ((flags & TcpHeader.Fin) != 0 ? 1u : 0);
        if (advance == 0)
        {
            return;
        }

        _segments[_nextSegment++ % RememberedSegments] = new Segment(
            packet.SourceLow,
            packet.DestinationLow,
            NetworkOrder.ReadUInt16(header),
            NetworkOrder.ReadUInt16(header + sizeof(ushort)),
            NetworkOrder.ReadUInt32(header + TcpHeader.Sequence) + advance
        );
    }

    /// <summary>Whether a packet proves that its sender got what was sent.</summary>
    /// <param name="packet">Any packet that came from there.</param>
    public bool IsAnswer(in PacketView packet)
    {
        if (packet.Fault != DropReason.None || packet.Version != 4)
        {
            return false;
        }

        if (!HasTcpHeader(packet))
        {
            var isAnswered = EchoRequest.IsAnswered(packet.Start, packet.Length, number);
            AnswersPings |= isAnswered;
            return isAnswered;
        }

        var header = packet.Transport;
        if ((header[TcpHeader.Flags] & TcpHeader.Ack) == 0)
        {
            return false;
        }

        var answered = new Segment(
            packet.DestinationLow,
            packet.SourceLow,
            NetworkOrder.ReadUInt16(header + sizeof(ushort)),
            NetworkOrder.ReadUInt16(header),
            NetworkOrder.ReadUInt32(header + TcpHeader.Acknowledgment)
        );
        return _segments.AsSpan().Contains(answered);
    }

    private static bool HasTcpHeader(in PacketView packet) =>
        packet.Protocol == Ipv4Header.Tcp && packet.Part != FragmentPart.Later;

    /// <summary>The end of what was sent in a TCP connection.</summary>
    private readonly record struct Segment(
        ulong Source,
        ulong Destination,
        ushort SourcePort,
        ushort DestinationPort,
        uint End
    );
}
