// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.InteropServices;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Devices and addresses by rtnetlink (RFC 3549, rtnetlink(7)), without the <c>ip</c> command. Each call opens a socket
/// of its own: they are rare, and so no call can take another's answer. A kernel that does not answer within
/// <see cref="Patience"/> is an error (EAGAIN).
/// </summary>
internal static unsafe class RouteSocket
{
    private const int NETLINK_ROUTE = 0;
    private const int SOL_NETLINK = 270;
    private const int NETLINK_GET_STRICT_CHK = 12;
    private const ushort RTM_NEWLINK = 16;
    private const ushort RTM_GETLINK = 18;
    private const ushort RTM_NEWADDR = 20;
    private const ushort RTM_GETADDR = 22;
    private const ushort RTM_GETROUTE = 26;
    private const ushort RTM_GETNETCONF = 82;

    internal const ushort NLM_F_REQUEST = 0x001;
    internal const ushort NLM_F_ACK = 0x004;
    private const ushort NLM_F_REPLACE = 0x100;
    private const ushort NLM_F_DUMP = 0x300;
    private const ushort NLM_F_CREATE = 0x400;

    private const ushort IFLA_IFNAME = 3;
    private const ushort IFLA_MTU = 4;
    private const ushort IFLA_TXQLEN = 13;
    private const ushort IFLA_AF_SPEC = 26;
    private const ushort IFLA_GSO_MAX_SIZE = 41;
    private const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    private const byte IN6_ADDR_GEN_MODE_NONE = 1;
    private const uint IFF_UP = 1;

    private const ushort IFA_ADDRESS = 1;
    private const ushort IFA_LOCAL = 2;
    private const ushort IFA_RT_PRIORITY = 9;

    // Nobody else is on the link of a tunnel who might have the address.
    private const byte IFA_F_NODAD = 2;

    private const ushort NETCONFA_IFINDEX = 1;

    private const ushort RTA_DST = 1;
    private const ushort RTA_OIF = 4;
    private const ushort RTA_MARK = 16;

    /// <summary>Number of the one request that a socket carries.</summary>
    internal const uint Sequence = 1;

    internal const int BufferSize = 16384;

    // The kernel fills its messages of a list up to this (netlink_dump in net/netlink/af_netlink.c).
    private const int ListBufferSize = 32768;

    /// <summary>
    /// How long the kernel may take. It answers while the request is sent; only one that is out of memory for the
    /// answer does not.
    /// </summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Looks a device up by its name in the current network namespace.</summary>
    /// <returns>Its index, or null if there is none.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindLink(string name)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(default(LinkMessage));
        request.Attribute(IFLA_IFNAME, name);
        return FindLink(request.Bytes, buffer, name);
    }

    /// <summary>Looks a device up by its number in the current network namespace.</summary>
    /// <returns>The number, or null if there is none.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindLink(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(new LinkMessage { Index = index });
        return FindLink(request.Bytes, buffer, $"number {index}");
    }

    /// <summary>The IPv4 addresses of all devices.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static IReadOnlyList<LinkAddress> ListAddresses()
    {
        Span<byte> buffer = stackalloc byte[ListBufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, Sequence);
        request.Append(new AddressMessage { Family = AF_INET });
        var addresses = new List<LinkAddress>();
        List(request.Bytes, buffer, "addresses", answer => NetlinkAnswer.AddAddresses(answer, Sequence, addresses));
        return addresses;
    }

    /// <summary>The IPv6 addresses of all devices.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static IReadOnlyList<LinkAddressV6> ListAddressesV6()
    {
        Span<byte> buffer = stackalloc byte[ListBufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, Sequence);
        request.Append(new AddressMessage { Family = AF_INET6 });
        var addresses = new List<LinkAddressV6>();
        List(request.Bytes, buffer, "addresses", answer => NetlinkAnswer.AddAddressesV6(answer, Sequence, addresses));
        return addresses;
    }

    /// <summary>The IPv4 routes to other hosts, of all tables.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static IReadOnlyList<Route> ListRoutes()
    {
        Span<byte> buffer = stackalloc byte[ListBufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, Sequence);
        request.Append(new RouteMessage { Family = AF_INET, Type = NetlinkAnswer.RTN_UNICAST });
        var routes = new List<Route>();
        List(
            request.Bytes,
            buffer,
            "routes",
            answer => NetlinkAnswer.AddRoutes(answer, Sequence, routes),
            isFiltered: true
        );
        return routes;
    }

    /// <summary>
    /// The routes by a device, IPv4 and IPv6, of all tables, that the kernel or a routing daemon did not add.
    /// </summary>
    /// <exception cref="LinuxException">There is no such device, or the kernel does not answer.</exception>
    public static IReadOnlyList<DeviceRoute> ListRoutesOf(int link)
    {
        Span<byte> buffer = stackalloc byte[ListBufferSize];
        var routes = new List<DeviceRoute>();
        foreach (var family in (ReadOnlySpan<byte>)[AF_INET, AF_INET6])
        {
            var request = new NetlinkRequest(buffer, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, Sequence);
            request.Append(new RouteMessage { Family = family, Type = NetlinkAnswer.RTN_UNICAST });
            request.Attribute(RTA_OIF, link);
            List(
                request.Bytes,
                buffer,
                "routes",
                answer => NetlinkAnswer.AddRoutesOf(answer, Sequence, link, routes),
                isFiltered: true
            );
        }

        return routes;
    }

    /// <summary>How this host reaches an address at this moment.</summary>
    /// <param name="address">An address of IPv4 or IPv6.</param>
    /// <param name="mark">Mark of what is sent there, by which rules may choose another route; 0 for none.</param>
    /// <returns>Null if it does not.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static RouteTo? FindRoute(IPAddress address, uint mark = 0)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var bytes = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes();
        var request = new NetlinkRequest(buffer, RTM_GETROUTE, NLM_F_REQUEST, Sequence);
        request.Append(
            new RouteMessage
            {
                Family = (byte)(bytes.Length == sizeof(uint) ? AF_INET : AF_INET6),
                PrefixLength = (byte)(bytes.Length * 8),
            }
        );
        request.Attribute(RTA_DST, bytes);
        if (address.IsIPv6LinkLocal && address.ScopeId > 0)
        {
            request.Attribute(RTA_OIF, (int)address.ScopeId);
        }

        if (mark != 0)
        {
            request.Attribute(RTA_MARK, mark);
        }

        var error = Exchange(request.Bytes, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindRoute(answer, Sequence),

            // Unreachable, or by a route that says so.
            Errno.NetworkUnreachable
            or Errno.HostUnreachable
            or Errno.Invalid
            or Errno.AccessDenied
            or Errno.NoDevice => null,
            _ => throw new LinuxException($"cannot ask for the route to {address}", error),
        };
    }

    /// <summary>Whether there is such a device and it is up.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static bool IsUp(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(new LinkMessage { Index = index });
        var error = Exchange(request.Bytes, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindLinkFlags(answer, Sequence) is { } flags && (flags & IFF_UP) != 0,
            Errno.NoDevice => false,
            _ => throw new LinuxException($"cannot look for device number {index}", error),
        };
    }

    /// <summary>What a device has counted of packets that it lost.</summary>
    /// <returns>Null if there is no such device.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static LinkLosses? FindLosses(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(new LinkMessage { Index = index });
        var error = Exchange(request.Bytes, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindLosses(answer, Sequence),
            Errno.NoDevice => null,
            _ => throw new LinuxException($"cannot look for device number {index}", error),
        };
    }

    /// <summary>The MTU of a device, in bytes.</summary>
    /// <returns>Null if there is no such device in this network namespace.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindMtu(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(new LinkMessage { Index = index });
        var error = Exchange(request.Bytes, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindMtu(answer, Sequence),
            Errno.NoDevice => null,
            _ => throw new LinuxException($"cannot look for device number {index}", error),
        };
    }

    /// <summary>Sets how many packets wait for a device's reader.</summary>
    public static void SetQueueLength(int index, int packets) =>
        SetLink(index, "txqueuelen", (ref NetlinkRequest r) => r.Attribute(IFLA_TXQLEN, (uint)packets));

    /// <summary>
    /// Whether the kernel forwards IPv4 packets that come from a device (<c>net.ipv4.conf.DEVICE.forwarding</c>).
    /// </summary>
    /// <exception cref="LinuxException">There is no such device, or the kernel does not answer.</exception>
    public static bool IsForwarding(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETNETCONF, NLM_F_REQUEST | NLM_F_ACK, Sequence);
        request.Append(new ConfigurationMessage { Family = AF_INET });
        request.Attribute(NETCONFA_IFINDEX, index);
        var error = Exchange(request.Bytes, buffer, out var answer);
        return error == Errno.None
            ? NetlinkAnswer.FindForwarding(answer, Sequence) ?? false
            : throw new LinuxException("cannot ask whether packets of the device are forwarded", error);
    }

    /// <summary>Sets a device's MTU in bytes.</summary>
    public static void SetMtu(int index, int mtu) =>
        SetLink(index, "MTU", (ref NetlinkRequest r) => r.Attribute(IFLA_MTU, (uint)mtu));

    /// <summary>Sets the largest superpacket, headers included, in bytes, that the kernel hands to a device.</summary>
    public static void SetMaxSuperpacket(int index, int bytes) =>
        SetLink(index, "gso_max_size", (ref NetlinkRequest r) => r.Attribute(IFLA_GSO_MAX_SIZE, (uint)bytes));

    /// <summary>
    /// Keeps the kernel from giving a device an IPv6 link-local address, whose router solicitations we would only drop.
    /// </summary>
    public static void DisableIpv6Address(int index) => SetLink(index, "addrgenmode", (ref NetlinkRequest r) =>
        {
            var families = r.BeginNested(IFLA_AF_SPEC);
            var ipv6 = r.BeginNested(AF_INET6);
            r.Attribute(IFLA_INET6_ADDR_GEN_MODE, [IN6_ADDR_GEN_MODE_NONE]);
            r.EndNested(ipv6);
            r.EndNested(families);
        });

    /// <summary>Sets a device up.</summary>
    public static void SetUp(int index) => SetLink(index, "state", null, IFF_UP);

    /// <summary>
    /// Gives a device an address, which it may have already; the kernel adds the route to its network.
    /// </summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    /// <param name="index">Number of the device.</param>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Of its network.</param>
    /// <param name="isLastResort">
    /// Whether every other route to the same network goes before the one to this.
    /// </param>
    public static void AddAddress(int index, IPAddress address, int prefixLength, bool isLastResort = false)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var isV6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        var request = new NetlinkRequest(
            buffer,
            RTM_NEWADDR,
            NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
            Sequence
        );
        request.Append(
            new AddressMessage
            {
                Family = (byte)(isV6 ? AF_INET6 : AF_INET),
                PrefixLength = (byte)prefixLength,
                Flags = isV6 ? IFA_F_NODAD : (byte)0,
                Index = (uint)index,
            }
        );
        request.Attribute(IFA_LOCAL, address.GetAddressBytes());
        request.Attribute(IFA_ADDRESS, address.GetAddressBytes());
        if (isLastResort)
        {
            request.Attribute(IFA_RT_PRIORITY, uint.MaxValue);
        }

        var error = Exchange(request.Bytes, buffer, out _);
        if (error != Errno.None)
        {
            throw new LinuxException($"cannot give the device the address {address}/{prefixLength}", error);
        }
    }

    internal delegate void AddAttributes(ref NetlinkRequest request);

    internal delegate void ReadPart(ReadOnlySpan<byte> answer);

    private static int? FindLink(ReadOnlySpan<byte> request, Span<byte> buffer, string device)
    {
        var error = Exchange(request, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindLinkIndex(answer, Sequence),
            Errno.NoDevice => null,
            _ => throw new LinuxException($"cannot look for device {device}", error),
        };
    }

    /// <summary>Sends a request for a list and reads all parts of it.</summary>
    internal static void List(
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

    /// <summary>Changes a device.</summary>
    /// <exception cref="LinuxException">There is no such device, or the kernel refuses.</exception>
    internal static void SetLink(int index, string what, AddAttributes? attributes, uint flags = 0)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, Sequence);
        request.Append(
            new LinkMessage
            {
                Index = index,
                Flags = flags,
                Change = flags,
            }
        );
        attributes?.Invoke(ref request);
        var error = Exchange(request.Bytes, buffer, out _);
        if (error != Errno.None)
        {
            throw new LinuxException($"cannot set the device's {what}", error);
        }
    }

    /// <summary>Sends a request and waits for its answer, which lies in <paramref name="buffer"/>.</summary>
    internal static Errno Exchange(ReadOnlySpan<byte> request, Span<byte> buffer, out ReadOnlySpan<byte> answer)
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
    /// <returns>Null if there is an error.</returns>
    internal static FileDescriptor? Open(out Errno error)
    {
        var number = Libc.Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
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
    internal static Errno Receive(FileDescriptor socket, Span<byte> buffer, out ReadOnlySpan<byte> answer)
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

    private static Errno Send(FileDescriptor socket, ReadOnlySpan<byte> request)
    {
        fixed (byte* start = request)
        {
            return Libc.Send(socket.Number, start, request.Length, 0) < 0 ? Libc.LastError : Errno.None;
        }
    }

    /// <summary><c>struct ifinfomsg</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    internal struct LinkMessage
    {
        public byte Family;
        public ushort Type;
        public int Index;
        public uint Flags;
        public uint Change;
    }

    /// <summary><c>struct ifaddrmsg</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 8)]
    private struct AddressMessage
    {
        public byte Family;
        public byte PrefixLength;
        public byte Flags;
        public byte Scope;
        public uint Index;
    }

    /// <summary><c>struct netconfmsg</c>, padded.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 4)]
    private struct ConfigurationMessage
    {
        public byte Family;
    }
}
