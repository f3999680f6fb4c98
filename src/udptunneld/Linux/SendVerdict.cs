namespace UdpTunnel.Linux;

/// <summary>What to do about a send that failed. No error of the network ends a tunnel.</summary>
internal enum SendVerdict
{
    /// <summary>Try the same again.</summary>
    Retry,

    /// <summary>The run is refused as a whole: send its datagrams one by one, now and from now on.</summary>
    SendSingly,

    /// <summary>Longer than the path takes.</summary>
    TooBig,

    /// <summary>The socket's send buffer is full, and so it is for all that follow at this moment.</summary>
    BufferFull,

    /// <summary>Lost, as on any network.</summary>
    Lost,
}
