using System.Net;
using UdpTunnel.Packets;

namespace UdpTunnel.Linux;

/// <summary>The outer socket, as the engine sees it. One thread receives and sends batches; heartbeats come from others.</summary>
internal unsafe interface IUdp : IDisposable
{
    /// <summary>The port of this end.</summary>
    int LocalPort { get; }

    /// <summary>Whether a run leaves by one send (UDP_SEGMENT). Goes off when the kernel refuses one.</summary>
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

    /// <summary>A message is looked at: what is answered meanwhile leaves from the address that it came to.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="local">The address of this host that it came to.</param>
    void OnMessage(in Endpoint source, in SourceAddress local)
    {
        // A socket that has one address has nothing to remember.
    }

    /// <summary>That message was a peer's, to whom everything leaves from that address from now on.</summary>
    void OnPeerMessage()
    {
        // As above.
    }

    /// <summary>
    /// Sends everything in a batch, without waiting: what finds no room is lost. Where a run is refused as a whole, its datagrams are sent one by one:
    /// nothing is lost by it. What did not leave stands in the batch's refusals.
    /// </summary>
    /// <param name="batch">The datagrams.</param>
    /// <param name="destinations">The endpoints that the batch's destinations are numbers of.</param>
    SendResult Send(SendBatch batch, ReadOnlySpan<Endpoint> destinations);

    /// <summary>Sends one datagram from any thread, without waiting.</summary>
    /// <returns>Whether it left.</returns>
    bool Send(byte* datagram, int length, in Endpoint peer);

    /// <summary>Datagrams that the kernel dropped since the socket was opened because its receive buffer was full. Wraps around.</summary>
    uint ReceiveDrops => 0;

    /// <summary>Makes the send buffer as large as the link needs, and no larger. Called about once a second, also while others send.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    void FitSendBuffer(long now);

    /// <summary>Begins to keep the ICMP errors that datagrams meet, or forgets them. Kept ones make the socket readable until they are taken.</summary>
    void KeepErrors(bool keep);

    /// <summary>Takes one kept error, without waiting.</summary>
    /// <param name="endpoint">Where the datagram was sent that met it.</param>
    /// <param name="isPortUnreachable">Whether the host there has nobody at that port.</param>
    /// <returns>False if there is none.</returns>
    bool TakeError(out Endpoint endpoint, out bool isPortUnreachable);

    /// <summary>Tries <see cref="Segments"/> again, after what refused it may have passed. No effect where it was never wanted.</summary>
    void RetrySegments();
}
