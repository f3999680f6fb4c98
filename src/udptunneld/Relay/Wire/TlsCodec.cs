// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Binary frames, many in one TLS record or one over several (docs/relay-protocol.md). Numbers are in network byte
/// order.
/// <code>
///   0        8        16               32                               64
///  +--------+--------+----------------+--------------------------------+---------
///  | type   | 0      | payload length | flow (0 if none)               | payload
///  +--------+--------+----------------+--------------------------------+---------
/// </code>
/// </summary>
internal sealed unsafe class TlsCodec : IRelayCodec
{
    /// <summary>Bytes in front of each payload.</summary>
    public const int HeaderLength = 8;

    /// <summary>Longest payload of a frame other than a datagram.</summary>
    public const int MaxControl = 512;

    /// <inheritdoc/>
    public bool NamesFlows => false;

    /// <inheritdoc/>
    public int MaxFrame => HeaderLength + IRelayCodec.MaxDatagram;

    /// <inheritdoc/>
    public int FrameLength(int datagram, ReadOnlySpan<byte> label) => HeaderLength + datagram;

    /// <inheritdoc/>
    public byte[] MakeLabel(ReadOnlySpan<byte> host) => [];

    /// <inheritdoc/>
    public int WriteDatagram(Span<byte> output, uint flowId, ReadOnlySpan<byte> label, ReadOnlySpan<byte> datagram) =>
        Write(output, FrameType.Datagram, flowId, datagram);

    /// <inheritdoc/>
    public int WriteControl(Span<byte> output, FrameType type, uint flowId, ReadOnlySpan<byte> payload) =>
        Write(output, type, flowId, payload);

    /// <inheritdoc/>
    public FrameStatus Read(byte* start, int length, out RelayFrame frame, out int consumed)
    {
        frame = default;
        consumed = 0;
        if (length < HeaderLength)
        {
            return FrameStatus.Incomplete;
        }

        var header = new ReadOnlySpan<byte>(start, HeaderLength);
        var type = (FrameType)header[0];
        var payload = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        var flow = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        if (header[1] != 0 || !IsValid(type, payload, flow))
        {
            return FrameStatus.Malformed;
        }

        if (length < HeaderLength + payload)
        {
            return FrameStatus.Incomplete;
        }

        frame = new RelayFrame
        {
            Type = type,
            FlowId = flow,
            Start = start + HeaderLength,
            Length = payload,
        };
        consumed = HeaderLength + payload;
        return FrameStatus.Complete;
    }

    private static bool IsValid(FrameType type, int payload, uint flow) =>
        type switch
        {
            FrameType.Datagram => flow != 0 && payload <= IRelayCodec.MaxDatagram,
            FrameType.FlowClosed => flow != 0 && payload == 0,
            FrameType.Hello => flow == 0 && payload is >= Hello.Length and <= MaxControl,
            FrameType.Denied or FrameType.Waiting => flow == 0 && payload is > 0 and <= MaxControl,
            FrameType.FlowOpened => flow != 0 && (payload is FlowOpening.LengthV4 or FlowOpening.MaxLength),
            FrameType.Services => flow == 0 && payload is > 0 and <= MaxControl,
            FrameType.Approved or FrameType.Ping or FrameType.Pong => flow == 0 && payload == 0,
            _ => false,
        };

    private static int Write(Span<byte> output, FrameType type, uint flow, ReadOnlySpan<byte> payload)
    {
        // One check for all the stores below.
        output = output[..(HeaderLength + payload.Length)];
        output[0] = (byte)type;
        output[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(output[2..], checked((ushort)payload.Length));
        BinaryPrimitives.WriteUInt32BigEndian(output[4..], flow);
        payload.CopyTo(output[HeaderLength..]);
        return output.Length;
    }
}
