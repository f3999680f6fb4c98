// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Opens sockets on an address of this host, or on all of them: dual-stack where the system has IPv6.
/// </summary>
internal static unsafe class BoundSocket
{
    // SK_MEMINFO_WMEM_ALLOC and SK_MEMINFO_DROPS of SO_MEMINFO (include/uapi/linux/sock_diag.h), an array of u32.
    private const int MemoryInfoCount = 9;
    private const int MemoryInfoSendQueue = 2;
    private const int MemoryInfoDrops = 8;

    /// <summary>Opens and binds.</summary>
    /// <param name="address">The address; null for all.</param>
    /// <param name="port">The port; 0 lets the kernel choose.</param>
    /// <param name="type">SOCK_DGRAM or SOCK_STREAM.</param>
    /// <param name="dualStack">Whether IPv4 addresses have their mapped form at this socket.</param>
    /// <param name="reuseAddress">Whether connections of a process before may still be fading (TCP).</param>
    /// <param name="device">Name of the device that it uses alone; null for whichever the routes say.</param>
    /// <returns>The descriptor.</returns>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static int Open(
        IPAddress? address,
        int port,
        int type,
        out bool dualStack,
        bool reuseAddress,
        string? device = null
    )
    {
        var protocol = type == SOCK_STREAM ? "TCP" : "UDP";
        dualStack = address is null;
        var family = address is null || address.AddressFamily == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET;
        var descriptor = Libc.Socket(family, type | SOCK_CLOEXEC, 0);
        if (descriptor < 0 && dualStack && Libc.LastError == Errno.AddressFamilyNotSupported)
        {
            dualStack = false;
            descriptor = Libc.Socket(AF_INET, type | SOCK_CLOEXEC, 0);
        }

        if (descriptor < 0)
        {
            throw LinuxException.Last($"cannot open a {protocol} socket");
        }

        // At the very limit the runtime itself would end with "Out of memory", for want of a descriptor for its next
        // thread or compiled method.
        if (DescriptorLimit.IsReserved(descriptor))
        {
            _ = Libc.Close(descriptor);
            throw new LinuxException($"cannot open a {protocol} socket", Errno.TooManyFiles);
        }

        try
        {
            if (device is not null && BindToDevice(descriptor, device) is var error and not Errno.None)
            {
                throw new LinuxException($"cannot use the device {device}", error);
            }

            Bind(descriptor, address, port, protocol, dualStack, reuseAddress);
            return descriptor;
        }
        catch
        {
            _ = Libc.Close(descriptor);
            throw;
        }
    }

    /// <summary>
    /// Has a socket use one device alone (SO_BINDTODEVICE), which the kernel knows by its number then.
    /// </summary>
    public static Errno BindToDevice(int descriptor, string device)
    {
        var name = System.Text.Encoding.ASCII.GetBytes(device + "\0");
        fixed (byte* start = name)
        {
            return Libc.SetSocketOption(descriptor, SOL_SOCKET, SO_BINDTODEVICE, start, name.Length) < 0
                ? Libc.LastError
                : Errno.None;
        }
    }

    /// <summary>Sets the sizes of both buffers; without CAP_NET_ADMIN the kernel's own limits hold.</summary>
    public static void SetBuffers(int descriptor, int receive, int send)
    {
        SetBuffer(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, receive);
        SetSendBuffer(descriptor, send);
    }

    /// <summary>Sets the size of the send buffer alone. What waits in it stays.</summary>
    public static void SetSendBuffer(int descriptor, int size) =>
        SetBuffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, size);

    /// <summary>
    /// Datagrams that the kernel dropped since the socket was opened because its buffer was full. Asking costs a system
    /// call, but nothing per datagram.
    /// </summary>
    public static uint BufferDrops(int descriptor) => MemoryInfo(descriptor, MemoryInfoDrops);

    /// <summary>
    /// Bytes of memory that datagrams on their way hold, in the send buffer or in the queue of the device.
    /// </summary>
    public static uint SendQueue(int descriptor) => MemoryInfo(descriptor, MemoryInfoSendQueue);

    private static uint MemoryInfo(int descriptor, int index)
    {
        var info = stackalloc uint[MemoryInfoCount];
        var length = MemoryInfoCount * sizeof(uint);
        return
            Libc.GetSocketOption(descriptor, SOL_SOCKET, SO_MEMINFO, info, &length) == 0
            && length == MemoryInfoCount * sizeof(uint)
            ? info[index]
            : 0;
    }

    private static void SetBuffer(int descriptor, int force, int ask, int size)
    {
        if (Libc.SetSocketOption(descriptor, SOL_SOCKET, force, &size, sizeof(int)) < 0)
        {
            _ = Libc.SetSocketOption(descriptor, SOL_SOCKET, ask, &size, sizeof(int));
        }
    }

    private static void Bind(
        int descriptor,
        IPAddress? address,
        int port,
        string protocol,
        bool dualStack,
        bool reuseAddress
    )
    {
        var on = 1;
        if (reuseAddress)
        {
            _ = Libc.SetSocketOption(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(int));
        }

        var off = 0;
        if (dualStack && Libc.SetSocketOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(int)) < 0)
        {
            throw LinuxException.Last("cannot open a socket for both IPv4 and IPv6");
        }

        var local = Endpoint.From(
            new IPEndPoint(address ?? (dualStack ? IPAddress.IPv6Any : IPAddress.Any), port),
            dualStack
        );
        if (Libc.Bind(descriptor, &local, local.Length) < 0)
        {
            throw LinuxException.Last($"cannot use {protocol} port {port}" + (address is null ? "" : $" of {address}"));
        }
    }
}
