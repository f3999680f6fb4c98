// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Why a packet or datagram is dropped. Values and names follow <c>udptunnel.v1.DropReason</c>, where each is explained
/// to users.
/// </summary>
internal enum DropReason : byte
{
    /// <summary>Not dropped.</summary>
    None = 0,

    /// <summary>Not an IPv4 packet.</summary>
    NotIpv4 = 1,

    /// <summary>Truncated, or a header contradicts the packet.</summary>
    Malformed = 2,

    /// <summary>Neither TCP, UDP nor ICMP.</summary>
    Protocol = 3,

    /// <summary>An ICMP message that is neither echo nor error.</summary>
    IcmpType = 4,

    /// <summary>Neither port is allowed.</summary>
    Port = 5,

    /// <summary>From an allowed port, but the answer to no remembered flow.</summary>
    NoFlow = 6,

    /// <summary>A later fragment whose first fragment did not pass.</summary>
    Fragment = 7,

    /// <summary>
    /// No packet, but a flow that gave way to a new one because the flow table was full; the answers to it are dropped
    /// until it is used again.
    /// </summary>
    FlowTableFull = 8,

    /// <summary>A datagram without the magic.</summary>
    Magic = 9,

    /// <summary>There is no peer to send to yet.</summary>
    NoPeer = 10,

    /// <summary>Longer than a datagram can carry.</summary>
    TooBig = 11,

    /// <summary>The network refused the datagram.</summary>
    SendFailed = 12,

    /// <summary>The device refused the packet.</summary>
    DeviceFailed = 13,

    /// <summary>The socket's send buffer was full: the network takes less than the tunnel was given.</summary>
    SendBufferFull = 14,

    /// <summary>
    /// IPv6 neighbour discovery or multicast listener messages: each host sends them, and no tunnel needs them.
    /// </summary>
    LinkControl = 15,

    /// <summary>From an inner address that no peer may have, or that is not among the allowed sources.</summary>
    SourceAddress = 16,

    /// <summary>To an inner address that is not among the allowed destinations.</summary>
    DestinationAddress = 17,

    /// <summary>To a peer that has not yet answered anything, beyond what it may get until then.</summary>
    PeerUnproven = 18,

    /// <summary>A datagram of the tunnel itself, which its own route led back into the device.</summary>
    RoutingLoop = 19,

    /// <summary>The device's queue was full: this host sent packets faster than the daemon took them.</summary>
    DeviceQueueFull = 20,

    /// <summary>The socket's receive buffer was full: datagrams came faster than the daemon took them.</summary>
    SocketQueueFull = 21,

    /// <summary>
    /// The network stack of this host did not take from the device what the daemon had written to it.
    /// </summary>
    KernelRefused = 22,

    /// <summary>
    /// Longer than the path to its peer carries, and not to be fragmented; its sender was told by ICMP.
    /// </summary>
    FragmentationNeeded = 23,

    /// <summary>
    /// Marked as congested on its way, though the packet inside is of a sender that does not look at such marks (RFC
    /// 6040, section 4.2): it is told by the loss.
    /// </summary>
    CongestionMark = 24,

    /// <summary>
    /// A datagram that its sender cannot have made: forged, damaged, or the preshared keys of both ends differ.
    /// </summary>
    NotAuthentic = 30,

    /// <summary>A packet that came before, or is too old to tell.</summary>
    Replayed = 31,

    /// <summary>
    /// A packet of a session that is not there any more, of before a restart for example, or that is too old.
    /// </summary>
    NoSession = 32,

    /// <summary>From an inner address that is not among the AllowedIPs of the peer that sent it.</summary>
    WrongSource = 33,

    /// <summary>A handshake with a key that is no peer's.</summary>
    UnknownPeer = 34,

    /// <summary>
    /// A handshake while too many come: its sender was asked to come again with a cookie, or comes too often.
    /// </summary>
    UnderLoad = 35,

    /// <summary>A handshake for another public key than this end's.</summary>
    WrongKey = 36,

    /// <summary>
    /// A handshake no later than one before: recorded and sent again, or the peer's clock was set back.
    /// </summary>
    HandshakeReplayed = 37,

    /// <summary>An answer to no handshake of this end's, or a handshake right behind another.</summary>
    HandshakeUnexpected = 38,

    /// <summary>To an inner address that is among no peer's AllowedIPs.</summary>
    NoRoute = 39,

    /// <summary>A packet that waited for a handshake and made room for a later one.</summary>
    QueueFull = 40,

    /// <summary>A packet that waited for a handshake that never came about.</summary>
    HandshakeFailed = 41,
}
