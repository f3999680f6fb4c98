// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The seam between device and socket: how packets of peers travel in datagrams. Given packets of a peer, with room in
/// front and behind, it makes datagrams; given a datagram it tells the peer and the packet in it, or takes it as its
/// own business, or says why it is dropped; given the time it does what is due. What it has to send by itself it sends
/// by the socket that it was made with.
/// <para>
/// For the tunnel's worker, one call at a time. Nothing here waits or, on the way of packets, allocates.
/// </para>
/// </summary>
internal unsafe interface ITransport : ISealer, IDisposable
{
    /// <summary>Which packets it carries.</summary>
    IpVersions Versions { get; }

    /// <summary>Bytes of a datagram that are neither the packet's nor padding.</summary>
    int Overhead { get; }

    /// <summary>
    /// Whether zeros behind a packet are padding, which the peer takes away; else they are a fault of the packet.
    /// </summary>
    bool TakesPadding { get; }

    /// <summary>
    /// Whether it is known that somebody gets what is sent to a peer now, and packets to it leave at once.
    /// </summary>
    bool IsReady(Peer peer);

    /// <summary>Says up to which length packets to a peer are padded, if they are.</summary>
    void LimitPadding(Peer peer, int length);

    /// <summary>The peer that a packet goes to.</summary>
    /// <param name="packet">A packet from the device without a fault; IPv6 only if it is carried.</param>
    /// <param name="drop">Why it goes nowhere, if the answer is null.</param>
    Peer? Route(in PacketView packet, out DropReason drop);

    /// <summary>
    /// Begins to seal packets to a peer, all of which go to its endpoint of this moment. <see cref="End"/> follows if
    /// it is true.
    /// </summary>
    /// <param name="peer">As <see cref="Route"/> gave it.</param>
    /// <param name="packet">
    /// The packet, or the superpacket that they are cut from. Its checksums are right if it is one packet.
    /// </param>
    /// <param name="datagrams">How many there are.</param>
    /// <param name="drop">Why they go nowhere, if the answer is false.</param>
    bool TryBegin(Peer peer, in PacketView packet, int datagrams, out DropReason drop);

    /// <summary>Ends what <see cref="TryBegin"/> began: all packets were given to <see cref="ISealer.Seal"/>.</summary>
    /// <returns>
    /// How many of those that were not sealed it has taken, to send them later or to count them as dropped.
    /// </returns>
    int End();

    /// <summary>Takes a datagram. A packet in it is opened in place.</summary>
    /// <param name="datagram">First byte.</param>
    /// <param name="length">Any length.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="local">Which address of this host it came to; none if that is not known.</param>
    Opened Open(byte* datagram, int length, in Endpoint source, in SourceAddress local);

    /// <summary>
    /// A message from the socket, one datagram or a run of them, has been looked at and something in it was a peer's.
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="passed">
    /// The last packet in it that the filter let pass; <see cref="PacketView.Version"/> is 0 if none did.
    /// </param>
    void OnReceived(Peer peer, in Endpoint source, in PacketView passed);

    /// <summary>
    /// A host has said that nobody is at the port that a datagram went to (ICMP). Anybody can forge that.
    /// </summary>
    /// <param name="endpoint">Where the datagram went.</param>
    void OnPortUnreachable(in Endpoint endpoint);

    /// <summary>Nothing more waits in the socket at this moment.</summary>
    void OnDrained();

    /// <summary>
    /// Says what time it is, once for each wake-up and when it is <see cref="Due"/>, and does what is due.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    void Advance(long now);

    /// <summary>
    /// When <see cref="Advance"/> wants to be called at the latest; <see cref="long.MaxValue"/> if it does not care.
    /// </summary>
    long Due { get; }
}

/// <summary>What a datagram is.</summary>
internal readonly unsafe struct Opened
{
    /// <summary>Who sent it; null if that is not known.</summary>
    public Peer? Peer { get; init; }

    /// <summary>The packet in it.</summary>
    public byte* Packet { get; init; }

    /// <summary>Length of the packet; 0 if there is none, and the datagram was the transport's own business.</summary>
    public int Length { get; init; }

    /// <summary>Why it is dropped; None if it is not.</summary>
    public DropReason Drop { get; init; }
}
