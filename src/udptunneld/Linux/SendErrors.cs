// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>The one place that decides what an error of <c>sendmsg</c> on a UDP socket means. Pure.</summary>
internal static class SendErrors
{
    /// <summary>How often an error that may pass at once is tried again.</summary>
    private const int MaxAttempts = 3;

    /// <summary>Decides.</summary>
    /// <param name="error">What the kernel said.</param>
    /// <param name="segmented">Whether the send used UDP_SEGMENT.</param>
    /// <param name="attempt">How often this send failed before.</param>
    public static SendVerdict Classify(Errno error, bool segmented, int attempt) =>
        error switch
        {
            Errno.Interrupted => SendVerdict.Retry,

            // udp_send_skb: EIO for a device without checksum offload or an xfrm route; EINVAL or EMSGSIZE for a
            // segment above the path MTU, which one by one would be fragmented.
            Errno.InputOutput or Errno.Invalid or Errno.MessageTooLong when segmented => SendVerdict.SendSingly,
            Errno.MessageTooLong => SendVerdict.TooBig,

            // Only the network makes room, and a thread that waits for one network keeps others waiting.
            Errno.Again => SendVerdict.BufferFull,

            // A pending ICMP error is reported once and cleared by that; buffers free up while the device sends.
            Errno.ConnectionRefused
            or Errno.HostUnreachable
            or Errno.NoBuffers
            or Errno.OutOfMemory when attempt < MaxAttempts => SendVerdict.Retry,

            // EPERM is a netfilter rule that drops; ENETDOWN, ENETUNREACH and EHOSTUNREACH pass when the network is
            // back.
            _ => SendVerdict.Lost,
        };

    /// <summary>
    /// Whether an error may be that of the address that a datagram was to go from: none of this host, or no more, or
    /// one of broadcast.
    /// </summary>
    public static bool MayBeOfSource(Errno error) =>
        error is Errno.Invalid or Errno.AddressNotAvailable or Errno.NetworkUnreachable;
}

/// <summary>What to do about a send that failed. No error of the network ends a tunnel.</summary>
internal enum SendVerdict
{
    /// <summary>Try the same again.</summary>
    Retry,

    /// <summary>The run is refused as a whole: send its datagrams one by one, now and for a time.</summary>
    SendSingly,

    /// <summary>Longer than the path takes.</summary>
    TooBig,

    /// <summary>The socket's send buffer is full, and so it is for all that follow at this moment.</summary>
    BufferFull,

    /// <summary>Lost, as on any network.</summary>
    Lost,
}

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

    /// <summary>Datagrams for which the socket's send buffer had no room.</summary>
    public int BufferFull;

    /// <summary>
    /// The last error that the kernel reported, also one of an earlier datagram, which costs this one nothing. None for
    /// a run or a source that was refused, and its datagrams sent in another way.
    /// </summary>
    public Errno Error;
}
