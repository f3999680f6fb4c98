// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// How datagrams travel on a relay's connection. Pure: bytes go in, bytes come out. Reading is incremental, so one
/// codec belongs to one connection and one reading thread; writing keeps no state.
/// </summary>
internal unsafe interface IRelayCodec
{
    /// <summary>Longest datagram: 65,535 less the headers of IPv4 and UDP.</summary>
    const int MaxDatagram = 65_507;

    /// <summary>Whether a flow is known by its client's address and not by a number.</summary>
    bool NamesFlows { get; }

    /// <summary>Bytes that the reader's buffer needs to hold the longest frame.</summary>
    int MaxFrame { get; }

    /// <summary>The most bytes that a datagram takes.</summary>
    int FrameLength(int datagram, ReadOnlySpan<byte> label);

    /// <summary>
    /// What stands in front of each datagram of a flow, made once when it opens; empty where it is made at each
    /// datagram.
    /// </summary>
    /// <param name="host">The client at the receiver's side: "192.0.2.7:40112".</param>
    byte[] MakeLabel(ReadOnlySpan<byte> host);

    /// <summary>Writes a datagram.</summary>
    /// <param name="output">At least <see cref="FrameLength"/> bytes.</param>
    /// <param name="flowId">The flow's number.</param>
    /// <param name="label">The flow's label.</param>
    /// <param name="datagram">At most <see cref="MaxDatagram"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    int WriteDatagram(Span<byte> output, uint flowId, ReadOnlySpan<byte> label, ReadOnlySpan<byte> datagram);

    /// <summary>Writes another frame.</summary>
    /// <returns>Bytes written; 0 if the protocol has no such frame.</returns>
    int WriteControl(Span<byte> output, FrameType type, uint flowId, ReadOnlySpan<byte> payload);

    /// <summary>Reads the frame at the start of the bytes; it may change them in place.</summary>
    /// <param name="start">
    /// First byte. While a frame is incomplete the same bytes come again, and more behind them.
    /// </param>
    /// <param name="length">Bytes that are there.</param>
    /// <param name="frame">The frame, if complete.</param>
    /// <param name="consumed">Its bytes, if complete.</param>
    FrameStatus Read(byte* start, int length, out RelayFrame frame, out int consumed);
}
