// SPDX-License-Identifier: BSD-3-Clause

using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// The UDP socket of one flow at the sender. It has a port of its own and is not connected: so it stays when the
/// service or this host gets another address, and answers from elsewhere can be seen. The kernel's default buffers
/// bound what it may hold.
/// </summary>
internal static unsafe class ServiceSocket
{
    /// <summary>Whether the sockets take IPv4 addresses in their mapped form: on all hosts that have IPv6.</summary>
    public static bool IsDualStack { get; } = HasV6();

    /// <summary>Opens a socket.</summary>
    /// <param name="descriptor">The socket, if there is no error.</param>
    /// <returns>The error, or <see cref="Errno.None"/>.</returns>
    public static Errno TryOpen(out int descriptor)
    {
        descriptor = Libc.Socket(IsDualStack ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (descriptor < 0)
        {
            return Libc.LastError;
        }

        if (DescriptorLimit.IsReserved(descriptor))
        {
            _ = Libc.Close(descriptor);
            return Errno.TooManyFiles;
        }

        if (IsDualStack)
        {
            SetOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        }

        // A path that is smaller than it was said must not swallow every large datagram.
        SetOption(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        SetOption(descriptor, SOL_SOCKET, SO_BROADCAST, 1);
        SetOption(descriptor, IPPROTO_UDP, UDP_GRO, 1);
        KeepErrors(descriptor, 1);
        return Errno.None;
    }

    /// <summary>
    /// Forgets the ICMP errors that the kernel keeps for a socket, which is readable until they are gone.
    /// </summary>
    public static void ForgetErrors(int descriptor)
    {
        // Turning it off throws them away (do_ip_setsockopt).
        KeepErrors(descriptor, 0);
        KeepErrors(descriptor, 1);
    }

    /// <summary>Whether an address is that of all hosts of a network: the kernel knows its networks.</summary>
    public static bool IsBroadcast(in Endpoint address)
    {
        var descriptor = Libc.Socket(IsDualStack ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0)
        {
            return false;
        }

        if (IsDualStack)
        {
            SetOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        }

        // Without SO_BROADCAST it is refused (ip_route_output_flow, udp_connect).
        fixed (Endpoint* name = &address)
        {
            var isRefused = Libc.Connect(descriptor, name, address.Length) < 0 && Libc.LastError == Errno.AccessDenied;
            _ = Libc.Close(descriptor);
            return isRefused;
        }
    }

    /// <summary>Answers that the kernel dropped because the buffer was full.</summary>
    public static uint BufferDrops(int descriptor) => BoundSocket.BufferDrops(descriptor);

    /// <summary>Closes a socket.</summary>
    public static void Close(int descriptor) => _ = Libc.Close(descriptor);

    private static void KeepErrors(int descriptor, int keep)
    {
        SetOption(descriptor, IPPROTO_IP, IP_RECVERR, keep);
        if (IsDualStack)
        {
            SetOption(descriptor, IPPROTO_IPV6, IPV6_RECVERR, keep);
        }
    }

    private static void SetOption(int descriptor, int level, int name, int value) =>
        _ = Libc.SetSocketOption(descriptor, level, name, &value, sizeof(int));

    private static bool HasV6()
    {
        var descriptor = Libc.Socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        var has = descriptor >= 0 || Libc.LastError != Errno.AddressFamilyNotSupported;
        if (descriptor >= 0)
        {
            _ = Libc.Close(descriptor);
        }

        return has;
    }
}
