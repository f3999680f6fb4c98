// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.InteropServices;
using static UdpTunnel.Linux.NetlinkSocket;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Devices, addresses and routes by rtnetlink (rtnetlink(7)), without the <c>ip</c> command. Each call is one exchange
/// (<see cref="NetlinkSocket"/>).
/// </summary>
internal static class RouteSocket
{
    private const ushort RTM_NEWLINK = 16;
    private const ushort RTM_GETLINK = 18;
    private const ushort RTM_NEWADDR = 20;
    private const ushort RTM_GETADDR = 22;
    private const ushort RTM_GETROUTE = 26;
    private const ushort RTM_GETNETCONF = 82;

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

    /// <summary>Looks a device up by its name in the current network namespace.</summary>
    /// <returns>Its index, or null if there is none.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindLink(string name)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(default(LinkMessage));
        request.Attribute(IFLA_IFNAME, name);
        return Ask(request.Bytes, buffer, name, out var answer) ? NetlinkAnswer.FindLinkIndex(answer, Sequence) : null;
    }

    /// <summary>Looks a device up by its number in the current network namespace.</summary>
    /// <returns>The number, or null if there is none.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindLink(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        return AskFor(index, buffer, out var answer) ? NetlinkAnswer.FindLinkIndex(answer, Sequence) : null;
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
        return AskFor(index, buffer, out var answer)
            && NetlinkAnswer.FindLinkFlags(answer, Sequence) is { } flags
            && (flags & IFF_UP) != 0;
    }

    /// <summary>What a device has counted of packets that it lost.</summary>
    /// <returns>Null if there is no such device.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static LinkLosses? FindLosses(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        return AskFor(index, buffer, out var answer) ? NetlinkAnswer.FindLosses(answer, Sequence) : null;
    }

    /// <summary>The MTU of a device, in bytes.</summary>
    /// <returns>Null if there is no such device in this network namespace.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindMtu(int index)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        return AskFor(index, buffer, out var answer) ? NetlinkAnswer.FindMtu(answer, Sequence) : null;
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

    /// <summary>Asks for all that the kernel tells of a device.</summary>
    /// <returns>False if there is no such device in this network namespace.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    private static bool AskFor(int index, Span<byte> buffer, out ReadOnlySpan<byte> answer)
    {
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(new LinkMessage { Index = index });
        return Ask(request.Bytes, buffer, $"number {index}", out answer);
    }

    private static bool Ask(ReadOnlySpan<byte> request, Span<byte> buffer, string device, out ReadOnlySpan<byte> answer)
    {
        var error = Exchange(request, buffer, out answer);
        return error switch
        {
            Errno.None => true,
            Errno.NoDevice => false,
            _ => throw new LinuxException($"cannot look for device {device}", error),
        };
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
