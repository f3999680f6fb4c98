// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Whether addresses or routes of this host have changed, so that nobody need list them to see that they have not. The
/// kernel tells of each change (rtnetlink(7)); what it says is thrown away, and only that it said something counts.
/// Any thread.
/// </summary>
internal sealed unsafe class NetworkChanges : IDisposable
{
    // Groups of rtnetlink, a bit each: RTNLGRP_IPV4_IFADDR (5), _IPV4_ROUTE (7), _IPV6_IFADDR (9), _IPV6_ROUTE (11) and
    // _NEXTHOP (32), with which routes go that use it. A kernel that does not know one ignores it.
    private const uint Groups = 1u << 4 | 1u << 6 | 1u << 8 | 1u << 10 | 1u << 31;

    // A routing daemon may change routes faster than they are read; what is left is told next time.
    private const int MostAtOnce = 1024;

    // Messages are cut to this.
    private const int BufferSize = 16;

    private readonly FileDescriptor? _socket = Subscribe();
    private long _count;

    /// <summary>
    /// Grows when something has changed since somebody asked last; each time if the kernel does not tell, for want of a
    /// socket.
    /// </summary>
    public long Count =>
        _socket is null || HasNews(_socket) ? Interlocked.Increment(ref _count) : Volatile.Read(ref _count);

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private static bool HasNews(FileDescriptor socket)
    {
        var buffer = stackalloc byte[BufferSize];
        for (var i = 0; i < MostAtOnce; i++)
        {
            // ENOBUFS: more has changed than the socket could hold. Any error but emptiness may hide a change.
            if (Libc.Receive(socket.Number, buffer, BufferSize, MSG_DONTWAIT) < 0 && Libc.LastError == Errno.Again)
            {
                return i > 0;
            }
        }

        return true;
    }

    private static FileDescriptor? Subscribe()
    {
        var socket = NetlinkSocket.Open(out _);
        var address = new SocketAddress { Family = AF_NETLINK, Groups = Groups };
        if (socket is not null && Libc.Bind(socket.Number, &address, sizeof(SocketAddress)) < 0)
        {
            socket.Dispose();
            return null;
        }

        return socket;
    }

    /// <summary>
    /// <c>struct sockaddr_nl</c>: family u16 | zero u16 | port u32 (0: the kernel chooses) | groups u32.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Size = 12)]
    private struct SocketAddress
    {
        public ushort Family;
        public ushort Zero;
        public uint Port;
        public uint Groups;
    }
}
