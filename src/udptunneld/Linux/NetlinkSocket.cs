// SPDX-License-Identifier: BSD-3-Clause

using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Sends requests to the kernel by netlink and reads its answers (RFC 3549, netlink(7)). Each request has a socket of
/// its own: they are rare, and so no call can take another's answer. A kernel that does not answer within
/// <see cref="Patience"/> is an error (EAGAIN).
/// </summary>
internal static unsafe class NetlinkSocket
{
    private const int NETLINK_ROUTE = 0;
    private const int SOL_NETLINK = 270;
    private const int NETLINK_GET_STRICT_CHK = 12;

    public const ushort NLM_F_REQUEST = 0x001;
    public const ushort NLM_F_ACK = 0x004;
    public const ushort NLM_F_REPLACE = 0x100;
    public const ushort NLM_F_EXCL = 0x200;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLM_F_CREATE = 0x400;

    /// <summary>Number of the one request that a socket carries.</summary>
    public const uint Sequence = 1;

    /// <summary>Holds any request, and any answer that is not a list, in bytes.</summary>
    public const int BufferSize = 16384;

    /// <summary>
    /// The kernel fills its messages of a list up to this, in bytes (netlink_dump in net/netlink/af_netlink.c).
    /// </summary>
    public const int ListBufferSize = 32768;

    /// <summary>
    /// How long the kernel may take. It answers while the request is sent; only one that is out of memory for the
    /// answer does not.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Reads a part of a list.</summary>
    public delegate void ReadPart(ReadOnlySpan<byte> answer);

    /// <summary>
    /// Sends a request of rtnetlink and waits for its answer, which lies in <paramref name="buffer"/>.
    /// </summary>
    public static Errno Exchange(ReadOnlySpan<byte> request, Span<byte> buffer, out ReadOnlySpan<byte> answer)
    {
        answer = default;
        using var socket = Open(out var error);
        if (socket is null || (error = Send(socket, request)) != Errno.None)
        {
            return error;
        }

        while (true)
        {
            error = Receive(socket, buffer, out answer);
            if (error != Errno.None)
            {
                return error;
            }

            if (NetlinkAnswer.FindAcknowledgement(answer, Sequence) is { } refused)
            {
                return refused;
            }

            if (
                NetlinkAnswer.FindLinkIndex(answer, Sequence) is not null
                || NetlinkAnswer.FindForwarding(answer, Sequence) is not null
                || NetlinkAnswer.FindRoute(answer, Sequence) is not null
            )
            {
                return Errno.None;
            }
        }
    }

    /// <summary>Opens a socket for requests.</summary>
    /// <param name="error">Why there is none.</param>
    /// <param name="protocol">Which part of the kernel is asked; rtnetlink if it is not said.</param>
    /// <returns>Null if there is an error.</returns>
    public static FileDescriptor? Open(out Errno error, int protocol = NETLINK_ROUTE)
    {
        var number = Libc.Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (number < 0)
        {
            error = Libc.LastError;
            return null;
        }

        error = Errno.None;
        return new FileDescriptor(number);
    }

    /// <summary>Reads one datagram of the kernel.</summary>
    /// <returns><see cref="Errno.Again"/> if none comes within <see cref="Patience"/>.</returns>
    public static Errno Receive(FileDescriptor socket, Span<byte> buffer, out ReadOnlySpan<byte> answer)
    {
        answer = default;
        var entry = new Libc.PollEntry { Descriptor = socket.Number, Wanted = POLLIN };
        nint length;
        do
        {
            if (Libc.Poll(&entry, 1, (int)Patience.TotalMilliseconds) == 0)
            {
                return Errno.Again;
            }

            fixed (byte* start = buffer)
            {
                length = Libc.Receive(socket.Number, start, buffer.Length, MSG_DONTWAIT);
            }
        } while (length < 0 && Libc.LastError is Errno.Interrupted or Errno.Again);

        if (length < 0)
        {
            return Libc.LastError;
        }

        answer = buffer[..(int)length];
        return Errno.None;
    }

    /// <summary>Sends a request.</summary>
    public static Errno Send(FileDescriptor socket, ReadOnlySpan<byte> request)
    {
        fixed (byte* start = request)
        {
            return Libc.Send(socket.Number, start, request.Length, 0) < 0 ? Libc.LastError : Errno.None;
        }
    }

    /// <summary>Sends a request for a list and reads all parts of it.</summary>
    public static void List(
        ReadOnlySpan<byte> request,
        Span<byte> buffer,
        string what,
        ReadPart read,
        bool isFiltered = false
    )
    {
        FileDescriptor? socket = null;
        try
        {
            socket = Open(out var error);
            if (isFiltered && socket is not null)
            {
                // Then the kernel looks at what the request says beside the family (Linux 4.20).
                var on = 1;
                _ = Libc.SetSocketOption(socket.Number, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(int));
            }

            if (socket is null || (error = Send(socket, request)) != Errno.None)
            {
                throw new LinuxException($"cannot list the {what} of this host", error);
            }

            while (true)
            {
                error = Receive(socket, buffer, out var part);
                if (error == Errno.None && NetlinkAnswer.FindAcknowledgement(part, Sequence) is { } refused)
                {
                    error = refused;
                }

                if (error != Errno.None)
                {
                    throw new LinuxException($"cannot list the {what} of this host", error);
                }

                read(part);
                if (NetlinkAnswer.IsEndOfList(part, Sequence))
                {
                    return;
                }
            }
        }
        finally
        {
            socket?.Dispose();
        }
    }
}
