// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.WireGuard;

/// <summary>What a peer has been through, for those who tell people.</summary>
internal enum PeerEvent
{
    /// <summary>A session is there that both ends have proved to know.</summary>
    HandshakeCompleted,

    /// <summary>No handshake came about for 90 seconds; what waited for it was dropped.</summary>
    HandshakeGivenUp,

    /// <summary>The peer answers from elsewhere.</summary>
    EndpointMoved,

    /// <summary>
    /// Nothing came back: the address of ours that the peer was served from may not be right any more, and the kernel
    /// should choose again.
    /// </summary>
    SourceDoubtful,

    /// <summary><see cref="Peer.Timestamps"/> have moved on; whoever keeps them over a restart stores them.</summary>
    TimestampsMoved,

    /// <summary>All keys of the peer's sessions are zeroed, as none has been used for long.</summary>
    KeysForgotten,
}

/// <summary>Where the engine leaves what it makes by itself, in the middle of a call of one of its methods.</summary>
internal unsafe interface IWireGuardOutput
{
    /// <summary>Takes a datagram to be sent: a handshake message, a keepalive, or a packet that has waited.</summary>
    /// <param name="datagram">Good until this returns.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="packetLength">Length of the packet in it; 0 if there is none.</param>
    /// <param name="endpoint">Where to.</param>
    /// <param name="peer">Whose it is; null for a cookie reply, whose receiver is not known.</param>
    void Send(byte* datagram, int length, int packetLength, in Endpoint endpoint, Peer? peer);

    /// <summary>Takes note of an event. Must not change peers.</summary>
    void Notify(Peer peer, PeerEvent what);
}
