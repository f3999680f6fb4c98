namespace UdpTunnel.Linux;

/// <summary>What became of a batch.</summary>
internal struct SendResult
{
    /// <summary>Datagrams that left.</summary>
    public int Sent;

    /// <summary>Their bytes, wire headers included.</summary>
    public long SentBytes;

    /// <summary>Datagrams longer than the path takes.</summary>
    public int TooBig;

    /// <summary>Datagrams that the network refused: down, unreachable, filtered, no buffers.</summary>
    public int Failed;

    /// <summary>Whether an address of this host that some should go from is none any more; they went from another.</summary>
    public bool IsSourceRefused;

    /// <summary>Datagrams for which the socket's send buffer had no room.</summary>
    public int BufferFull;

    /// <summary>
    /// The last error that the kernel reported, also one of an earlier datagram, which costs this one nothing.
    /// </summary>
    public Errno Error;
}
