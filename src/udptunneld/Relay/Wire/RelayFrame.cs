// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Wire;

/// <summary>One frame that was read. It points into the reader's buffer and is valid as long as that.</summary>
internal readonly unsafe ref struct RelayFrame
{
    /// <summary>What it is.</summary>
    public FrameType Type { get; init; }

    /// <summary>The flow, where the protocol numbers flows.</summary>
    public uint FlowId { get; init; }

    /// <summary>The flow's client, where the protocol names flows by it.</summary>
    public ReadOnlySpan<byte> Host { get; init; }

    /// <summary>First byte of the payload.</summary>
    public byte* Start { get; init; }

    /// <summary>Bytes of the payload.</summary>
    public int Length { get; init; }

    /// <summary>The payload.</summary>
    public ReadOnlySpan<byte> Payload => new(Start, Length);
}

/// <summary>What a codec found at the start of the bytes.</summary>
internal enum FrameStatus
{
    /// <summary>A whole frame.</summary>
    Complete,

    /// <summary>The start of one; more bytes are needed.</summary>
    Incomplete,

    /// <summary>Nothing that the protocol knows: the connection has to end.</summary>
    Malformed,
}

/// <summary>What a frame is. Values are those of the tls protocol (docs/relay-protocol.md).</summary>
internal enum FrameType : byte
{
    None = 0,

    /// <summary>The first frame of each side: version and role.</summary>
    Hello = 1,

    /// <summary>Receiver to sender: datagrams may flow.</summary>
    Approved = 2,

    /// <summary>Receiver to sender: a code and a text; the connection ends.</summary>
    Denied = 3,

    /// <summary>One datagram of a flow.</summary>
    Datagram = 4,

    /// <summary>The other side may forget the flow.</summary>
    FlowClosed = 5,

    /// <summary>Asks for a sign of life.</summary>
    Ping = 6,

    /// <summary>Answers a ping.</summary>
    Pong = 7,

    /// <summary>
    /// Receiver to sender, before approval: why it waits (<see cref="WaitingReason"/>). Only to one whose hello
    /// announces it.
    /// </summary>
    Waiting = 8,

    /// <summary>
    /// Version 2, receiver to sender: who the client of a flow is, in front of its first datagram (<see
    /// cref="FlowOpening"/>).
    /// </summary>
    FlowOpened = 9,

    /// <summary>
    /// Version 2: the ports that a sender serves, when they change; or those that the receiver takes of it, when
    /// datagrams may flow and when they change (<see cref="ServiceOffer"/>).
    /// </summary>
    Services = 10,
}
