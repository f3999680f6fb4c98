// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.CompilerServices;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// One TCP connection that neither reads nor sends with waiting. It belongs to one thread; any may shut it down.
/// </summary>
internal sealed unsafe class TcpSocket : IDisposable
{
    // A vanished peer is noticed after 5 + 3 * 3 = 14 s without traffic.
    private const int KeepAliveIdle = 5;
    private const int KeepAliveInterval = 3;
    private const int KeepAliveProbes = 3;

    // struct tcp_info (include/uapi/linux/tcp.h): probes u8 at 3, unacked u32 at 24, last_ack_recv u32 at 56,
    // bytes_acked u64 at 120, notsent_bytes u32 at 144.
    private const int InfoSize = 148;
    private const int InfoProbes = 3;
    private const int InfoUnacknowledged = 24;
    private const int InfoLastAcknowledged = 56;
    private const int InfoBytesAcknowledged = 120;
    private const int InfoNotSent = 144;
    private const int ProbesWithoutAnswer = 2;

    /// <summary>There is no byte yet.</summary>
    public const int Nothing = -1;

    /// <summary>The connection ended before the first byte.</summary>
    public const int Ended = -2;

    // Protects the descriptor against being shut down after it was closed, when it may be another's.
    private readonly Lock _closing = new();
    private bool _closed;

    internal TcpSocket(int descriptor, IPEndPoint remote)
    {
        Descriptor = descriptor;
        Remote = remote;
        SetOption(IPPROTO_TCP, TCP_NODELAY, 1);
        SetOption(SOL_SOCKET, SO_KEEPALIVE, 1);
        SetOption(IPPROTO_TCP, TCP_KEEPIDLE, KeepAliveIdle);
        SetOption(IPPROTO_TCP, TCP_KEEPINTVL, KeepAliveInterval);
        SetOption(IPPROTO_TCP, TCP_KEEPCNT, KeepAliveProbes);
    }

    /// <summary>For waiting on it.</summary>
    public int Descriptor { get; }

    /// <summary>The other end.</summary>
    public IPEndPoint Remote { get; }

    /// <summary>This end's address and port; none if the connection was never made.</summary>
    public Endpoint Local
    {
        get
        {
            var address = default(Endpoint);
            var length = Endpoint.MaxLength;
            lock (_closing)
            {
                return !_closed && Libc.GetSocketName(Descriptor, &address, &length) == 0 ? address : default;
            }
        }
    }

    /// <summary>Connects.</summary>
    /// <param name="remote">Where to.</param>
    /// <param name="timeout">How long to try.</param>
    /// <param name="stop">Ends the attempt when raised.</param>
    /// <exception cref="LinuxException">Nobody listens there, nobody answers in time, or it was stopped.</exception>
    public static TcpSocket Connect(IPEndPoint remote, TimeSpan timeout, WakeSignal stop)
    {
        var address = Endpoint.From(remote, dualStack: false);
        var family = remote.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? AF_INET : AF_INET6;
        var descriptor = Libc.Socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (descriptor < 0)
        {
            throw LinuxException.Last("cannot open a TCP socket");
        }

        try
        {
            if (Libc.Connect(descriptor, &address, address.Length) < 0)
            {
                AwaitConnection(descriptor, remote, timeout, stop);
            }

            return new TcpSocket(descriptor, remote);
        }
        catch
        {
            _ = Libc.Close(descriptor);
            throw;
        }
    }

    /// <summary>Takes the bytes that are there, without waiting.</summary>
    /// <returns>
    /// How many; <see cref="Nothing"/> if there are none, 0 if the connection ended, whatever the reason.
    /// </returns>
    public int TryReceive(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            var received = Libc.Receive(Descriptor, start, buffer.Length, MSG_DONTWAIT);
            return received >= 0 ? (int)received
                : Libc.LastError is Errno.Again or Errno.Interrupted ? Nothing
                : 0;
        }
    }

    /// <summary>Looks at the first byte without taking it or waiting for it.</summary>
    /// <returns>
    /// The byte; <see cref="Nothing"/> if there is none, <see cref="Ended"/> if the connection ended.
    /// </returns>
    public int TryPeek()
    {
        byte first;
        return Libc.Receive(Descriptor, &first, 1, MSG_PEEK | MSG_DONTWAIT) switch
        {
            1 => first,
            < 0 when Libc.LastError is Errno.Again or Errno.Interrupted => Nothing,
            _ => Ended,
        };
    }

    /// <summary>
    /// Waits for bytes of the peer or for the end of the connection, which <see cref="Shutdown()"/> brings about too.
    /// </summary>
    /// <param name="forRoom">Whether room for bytes that are to be sent ends the wait as well.</param>
    /// <param name="milliseconds">At most so long.</param>
    public void Wait(bool forRoom, int milliseconds)
    {
        var wanted = forRoom ? (short)(POLLIN | POLLOUT) : POLLIN;
        var entry = new Libc.PollEntry { Descriptor = Descriptor, Wanted = wanted };
        _ = Libc.Poll(&entry, 1, milliseconds);
    }

    /// <summary>Sends what the kernel takes at once.</summary>
    /// <returns>Bytes taken; -1 if the connection is broken.</returns>
    public int TrySend(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var sent = Libc.Send(Descriptor, start, bytes.Length, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent >= 0)
            {
                return (int)sent;
            }

            return Libc.LastError is Errno.Again or Errno.Interrupted or Errno.NoBuffers or Errno.OutOfMemory ? 0 : -1;
        }
    }

    /// <summary>
    /// Whether the peer's kernel has been silent although it owed an answer: data is on its way, or a full window was
    /// probed, and nothing came back. A peer that is slow but alive still acknowledges.
    /// </summary>
    public bool IsUnanswered(TimeSpan silence)
    {
        var info = stackalloc byte[InfoSize];
        if (!TryReadInfo(info))
        {
            return false;
        }

        var owes = Unsafe.ReadUnaligned<uint>(info + InfoUnacknowledged) > 0 || info[InfoProbes] >= ProbesWithoutAnswer;
        return owes && Unsafe.ReadUnaligned<uint>(info + InfoLastAcknowledged) > silence.TotalMilliseconds;
    }

    /// <summary>
    /// Bytes that the peer's kernel has acknowledged while the path does not take all that there are; 0 if it takes
    /// them.
    /// </summary>
    public ulong AcknowledgedUnderway()
    {
        var info = stackalloc byte[InfoSize];
        return TryReadInfo(info) && Unsafe.ReadUnaligned<uint>(info + InfoNotSent) > 0
            ? Unsafe.ReadUnaligned<ulong>(info + InfoBytesAcknowledged)
            : 0;
    }

    /// <summary>Bytes that the kernel has taken and not sent yet.</summary>
    public int Unsent()
    {
        int bytes;
        return Libc.Ioctl(Descriptor, SIOCOUTQNSD, (nint)(&bytes)) == 0 ? bytes : 0;
    }

    /// <summary>
    /// The connection counts as writable while it has fewer unsent bytes than half of this, and takes not many more.
    /// </summary>
    public void SetUnsentLimit(int bytes) => SetOption(IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes);

    /// <summary>Tells the peer that nothing more comes; what it sends is still read.</summary>
    public void FinishSending() => Shutdown(SHUT_WR);

    /// <summary>Ends the connection. Any thread: the one that reads is woken and finds the end.</summary>
    public void Shutdown() => Shutdown(SHUT_RDWR);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_closing)
        {
            if (!_closed)
            {
                _closed = true;
                _ = Libc.Close(Descriptor);
            }
        }
    }

    private static void AwaitConnection(int descriptor, IPEndPoint remote, TimeSpan timeout, WakeSignal stop)
    {
        if (Libc.LastError != Errno.InProgress)
        {
            throw LinuxException.Last($"cannot connect to {remote}");
        }

        var entries = stackalloc Libc.PollEntry[2];
        entries[0] = new Libc.PollEntry { Descriptor = descriptor, Wanted = POLLOUT };
        entries[1] = new Libc.PollEntry { Descriptor = stop.Descriptor, Wanted = POLLIN };
        var ready = Libc.Poll(entries, 2, (int)timeout.TotalMilliseconds);
        if (entries[0].Ready == 0)
        {
            throw new LinuxException($"cannot connect to {remote}", ready == 0 ? Errno.TimedOut : Errno.Interrupted);
        }

        int error;
        var length = sizeof(int);
        _ = Libc.GetSocketOption(descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0)
        {
            throw new LinuxException($"cannot connect to {remote}", (Errno)error);
        }
    }

    private bool TryReadInfo(byte* info)
    {
        var length = InfoSize;
        lock (_closing)
        {
            return !_closed
                && Libc.GetSocketOption(Descriptor, IPPROTO_TCP, TCP_INFO, info, &length) == 0
                && length == InfoSize;
        }
    }

    private void Shutdown(int how)
    {
        lock (_closing)
        {
            if (!_closed)
            {
                _ = Libc.Shutdown(Descriptor, how);
            }
        }
    }

    private void SetOption(int level, int name, int value) =>
        _ = Libc.SetSocketOption(Descriptor, level, name, &value, sizeof(int));
}
