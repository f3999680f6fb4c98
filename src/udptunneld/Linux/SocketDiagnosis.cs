// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using static UdpTunnel.Linux.NetlinkSocket;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Asks the kernel about another process's socket (sock_diag(7)). A TCP connection within a host has both of its ends
/// in the kernel's table, and each end has the user that made it.
/// </summary>
internal static unsafe class SocketDiagnosis
{
    private const int NETLINK_SOCK_DIAG = 4;
    private const ushort SOCK_DIAG_BY_FAMILY = 20;
    private const byte IPPROTO_TCP = 6;

    /// <summary>The user who made the other end of a TCP connection on this host.</summary>
    /// <returns>The user's id; null if the other end is elsewhere or gone, or if the kernel does not tell.</returns>
    public static uint? UserOfPeer(Socket connection)
    {
        if (connection.RemoteEndPoint is not IPEndPoint remote || connection.LocalEndPoint is not IPEndPoint local)
        {
            return null;
        }

        // As the other end sees it: its own address is the source.
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, Sequence);
        var body = new DiagnosisRequest
        {
            Family = (byte)(remote.AddressFamily == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET),
            Protocol = IPPROTO_TCP,
            States = uint.MaxValue,
            SourcePort = BinaryPrimitives.ReverseEndianness((ushort)remote.Port),
            DestinationPort = BinaryPrimitives.ReverseEndianness((ushort)local.Port),
            Cookie = ulong.MaxValue,
        };
        remote.Address.TryWriteBytes(new Span<byte>(body.Source, 16), out _);
        local.Address.TryWriteBytes(new Span<byte>(body.Destination, 16), out _);
        request.Append(body);
        using var socket = Open(out _, NETLINK_SOCK_DIAG);
        return
            socket is not null
            && Send(socket, request.Bytes) == Errno.None
            && Receive(socket, buffer, out var answer) == Errno.None
            ? NetlinkAnswer.FindSocketUser(answer, Sequence)
            : null;
    }

    /// <summary>
    /// <c>struct inet_diag_req_v2</c> (include/uapi/linux/inet_diag.h); ports and addresses in network byte order.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct DiagnosisRequest
    {
        public byte Family;
        public byte Protocol;
        public byte Extensions;
        public byte Padding;
        public uint States;
        public ushort SourcePort;
        public ushort DestinationPort;
        public fixed byte Source[16];
        public fixed byte Destination[16];
        public uint Interface;
        public ulong Cookie;
    }
}
