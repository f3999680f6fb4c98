// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Packets;

namespace UdpTunnel.Linux;

/// <summary>
/// The outer socket, as the engine sees it. One thread receives and sends batches; heartbeats come from others.
/// </summary>
internal unsafe interface IUdp : IDisposable
{
    /// <summary>The port of this end.</summary>
    int LocalPort { get; }

    /// <summary>
    /// Whether a run leaves by one send (UDP_SEGMENT). Goes off while there is a destination whose runs the kernel
    /// refuses; those of the others still do.
    /// </summary>
    bool Segments { get; }

    /// <summary>Whether the kernel merges what arrives into runs (UDP_GRO).</summary>
    bool Merges { get; }

    /// <summary>The form of an address that this socket sends to.</summary>
    Endpoint ToEndpoint(IPEndPoint address);

    /// <summary>Readable while there are messages or an error.</summary>
    int Descriptor { get; }

    /// <summary>Takes the messages that are there, without waiting.</summary>
    /// <returns>False if there are none or the network reported an error; the batch is empty then.</returns>
    bool Receive(ReceiveBatch batch);

    /// <summary>
    /// Sends everything in a batch, without waiting: what finds no room is lost. Where a run is refused as a whole, its
    /// datagrams are sent one by one: nothing is lost by it. What did not leave stands in the batch's refusals.
    /// </summary>
    /// <param name="batch">The datagrams.</param>
    /// <param name="destinations">The endpoints that the batch's destinations are numbers of.</param>
    /// <param name="sources">
    /// From which addresses of this host they go, likewise; empty if the kernel chooses. One that is no address of this
    /// host any more is cleared, and the kernel chooses.
    /// </param>
    SendResult Send(SendBatch batch, ReadOnlySpan<Endpoint> destinations, Span<SourceAddress> sources = default);

    /// <summary>Sends one datagram from any thread, without waiting.</summary>
    /// <returns>Whether it left.</returns>
    bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default);

    /// <summary>
    /// Sends one datagram that is not to be fragmented, neither here nor by a router, whatever ICMP has said about the
    /// path.
    /// </summary>
    /// <returns>False if it is longer than the network of this host carries, so that it did not leave.</returns>
    bool Probe(byte* datagram, int length, in Endpoint peer, in SourceAddress source);

    /// <summary>
    /// Datagrams that the kernel dropped since the socket was opened because its receive buffer was full. Wraps around.
    /// </summary>
    uint ReceiveDrops => 0;

    /// <summary>
    /// Makes the send buffer as large as the link needs, and no larger. Called about once a second, also while others
    /// send.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    void FitSendBuffer(long now);

    /// <summary>
    /// Sets the mark of everything that is sent (SO_MARK), by which routing rules and firewalls know it; 0 for none.
    /// </summary>
    void SetMark(uint mark);

    /// <summary>
    /// The two bits of explicit congestion notification (RFC 3168) that batches carry from now on; costs a system call
    /// or two where they change. For the thread that sends batches.
    /// </summary>
    void SetCongestionBits(byte bits);

    /// <summary>
    /// Has everything leave by and come from one device (SO_BINDTODEVICE). Asked again when the device has come back,
    /// with another number.
    /// </summary>
    /// <returns>The error, or None.</returns>
    Errno BindToDevice(string device);

    /// <summary>
    /// Begins to keep the ICMP errors that datagrams meet, or forgets them. Kept ones make the socket readable until
    /// they are taken.
    /// </summary>
    void KeepErrors(bool keep);

    /// <summary>Takes one kept error, without waiting.</summary>
    /// <param name="endpoint">Where the datagram was sent that met it.</param>
    /// <param name="isPortUnreachable">Whether the host there has nobody at that port.</param>
    /// <returns>False if there is none.</returns>
    bool TakeError(out Endpoint endpoint, out bool isPortUnreachable);
}
