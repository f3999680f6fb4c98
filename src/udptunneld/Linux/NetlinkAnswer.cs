// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using UdpTunnel.Config;

namespace UdpTunnel.Linux;

/// <summary>
/// Reads the kernel's answer to one rtnetlink request. Pure; whatever the bytes are, it never reads beyond them.
/// </summary>
internal static class NetlinkAnswer
{
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;
    private const ushort RTM_NEWLINK = 16;
    private const ushort RTM_NEWADDR = 20;
    private const ushort SOCK_DIAG_BY_FAMILY = 20;
    private const ushort RTM_NEWROUTE = 24;
    private const ushort RTM_NEWNETCONF = 80;
    private const int HeaderSize = 16;
    private const int AttributeHeaderSize = 4;

    // struct ifaddrmsg: family u8, prefix length u8, flags u8, scope u8, index u32.
    private const int AddressMessageSize = 8;
    private const ushort IFA_ADDRESS = 1;
    private const ushort IFA_LOCAL = 2;

    // struct rtmsg: family u8, destination's prefix length u8, source's, TOS, table, protocol, scope, type u8 each,
    // flags u32.
    private const int RouteMessageSize = 12;
    private const int RouteTableNumber = 4;
    private const int RouteProtocol = 5;
    private const int RouteType = 7;
    private const byte RTPROT_BOOT = 3;
    private const byte RTPROT_STATIC = 4;
    internal const byte RTN_UNICAST = 1;
    private const ushort RTA_DST = 1;
    private const ushort RTA_OIF = 4;
    private const ushort RTA_GATEWAY = 5;
    private const ushort RTA_PRIORITY = 6;
    private const ushort RTA_PREFSRC = 7;
    private const ushort RTA_TABLE = 15;
    private const byte RTN_LOCAL = 2;
    private const byte RTN_BROADCAST = 3;

    // struct ifinfomsg, then attributes; struct rtnl_link_stats64: 23 counters of 64 bits, of which the kernel may know
    // more.
    private const int LinkMessageSize = 16;
    private const ushort IFLA_MTU = 4;
    private const ushort IFLA_STATS64 = 23;
    private const int ReceiveDropped = 6;
    private const int TransmitDropped = 7;

    // struct netconfmsg: family u8, padded.
    private const int ConfigurationMessageSize = 4;
    private const ushort NETCONFA_FORWARDING = 2;

    /// <summary>Finds the acknowledgement of a request.</summary>
    /// <param name="answer">One datagram from the kernel, of one or more messages.</param>
    /// <param name="sequence">The request's number.</param>
    /// <returns>
    /// The error, <see cref="Errno.None"/> for success, or null if the acknowledgement is not in there.
    /// </returns>
    public static Errno? FindAcknowledgement(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (type == NLMSG_ERROR && messageSequence == sequence && body.Length >= sizeof(int))
            {
                return (Errno)(-MemoryMarshal.Read<int>(body));
            }
        }

        return null;
    }

    /// <summary>Finds the interface index in an answer to RTM_GETLINK.</summary>
    /// <returns>The index, or null if there is none in it.</returns>
    public static int? FindLinkIndex(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            // ifinfomsg: family u8, pad u8, type u16, index i32 …
            if (type == RTM_NEWLINK && messageSequence == sequence && body.Length >= 8)
            {
                return MemoryMarshal.Read<int>(body[4..]);
            }
        }

        return null;
    }

    /// <summary>Finds the flags of a device in an answer to RTM_GETLINK.</summary>
    /// <returns>IFF_…, or null if there are none in it.</returns>
    public static uint? FindLinkFlags(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            // ifinfomsg: family u8, pad u8, type u16, index i32, flags u32 …
            if (type == RTM_NEWLINK && messageSequence == sequence && body.Length >= LinkMessageSize)
            {
                return MemoryMarshal.Read<uint>(body[8..]);
            }
        }

        return null;
    }

    /// <summary>Finds the user of the socket in an answer to SOCK_DIAG_BY_FAMILY.</summary>
    /// <returns>The user's id, or null if there is none in it.</returns>
    public static uint? FindSocketUser(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            // inet_diag_msg: 4 bytes, inet_diag_sockid (48 bytes), expires, rqueue, wqueue u32, uid u32, inode u32
            if (type == SOCK_DIAG_BY_FAMILY && messageSequence == sequence && body.Length >= 72)
            {
                return MemoryMarshal.Read<uint>(body[64..]);
            }
        }

        return null;
    }

    /// <summary>Adds the IPv4 addresses in an answer to RTM_GETADDR.</summary>
    public static void AddAddresses(ReadOnlySpan<byte> answer, uint sequence, List<LinkAddress> addresses)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type == RTM_NEWADDR
                && messageSequence == sequence
                && body.Length >= AddressMessageSize
                && body[0] == SocketConstants.AF_INET
                && body[1] <= 32
                && FindAttribute(body[AddressMessageSize..], IFA_LOCAL, sizeof(uint), out var local)
            )
            {
                addresses.Add(
                    new LinkAddress(
                        BinaryPrimitives.ReadUInt32BigEndian(local),
                        body[1],
                        MemoryMarshal.Read<int>(body[4..])
                    )
                );
            }
        }
    }

    /// <summary>Adds the IPv6 addresses in an answer to RTM_GETADDR.</summary>
    public static void AddAddressesV6(ReadOnlySpan<byte> answer, uint sequence, List<LinkAddressV6> addresses)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            // Of a device with another end there are two, and the local one is this host's.
            if (
                type == RTM_NEWADDR
                && messageSequence == sequence
                && body.Length >= AddressMessageSize
                && body[0] == SocketConstants.AF_INET6
                && body[1] <= 128
                && (
                    FindAttribute(body[AddressMessageSize..], IFA_LOCAL, 16, out var local)
                    || FindAttribute(body[AddressMessageSize..], IFA_ADDRESS, 16, out local)
                )
            )
            {
                addresses.Add(
                    new LinkAddressV6(
                        BinaryPrimitives.ReadUInt128BigEndian(local),
                        body[1],
                        MemoryMarshal.Read<int>(body[4..])
                    )
                );
            }
        }
    }

    /// <summary>Finds the route in an answer to RTM_GETROUTE for one address.</summary>
    /// <returns>Null if there is none in it, or none that leads anywhere.</returns>
    public static RouteTo? FindRoute(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type != RTM_NEWROUTE
                || messageSequence != sequence
                || body.Length < RouteMessageSize
                || !FindAttribute(body[RouteMessageSize..], RTA_OIF, sizeof(int), out var link)
            )
            {
                continue;
            }

            var size = body[0] == SocketConstants.AF_INET ? sizeof(uint) : 16;
            var source = FindAttribute(body[RouteMessageSize..], RTA_PREFSRC, size, out var address)
                ? new IPAddress(address)
                : null;
            return new RouteTo(MemoryMarshal.Read<int>(link), body[RouteType] is RTN_LOCAL or RTN_BROADCAST, source);
        }

        return null;
    }

    /// <summary>Finds the counters of lost packets in an answer to RTM_GETLINK.</summary>
    /// <returns>Null if there are none in it.</returns>
    public static LinkLosses? FindLosses(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type == RTM_NEWLINK
                && messageSequence == sequence
                && body.Length >= LinkMessageSize
                && FindAttribute(body[LinkMessageSize..], IFLA_STATS64, null, out var value)
                && value.Length >= (TransmitDropped + 1) * sizeof(long)
            )
            {
                return new LinkLosses(
                    MemoryMarshal.Read<long>(value[(ReceiveDropped * sizeof(long))..]),
                    MemoryMarshal.Read<long>(value[(TransmitDropped * sizeof(long))..])
                );
            }
        }

        return null;
    }

    /// <summary>Finds the MTU of a device in an answer to RTM_GETLINK.</summary>
    /// <returns>Null if there is none in it.</returns>
    public static int? FindMtu(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type == RTM_NEWLINK
                && messageSequence == sequence
                && body.Length >= LinkMessageSize
                && FindAttribute(body[LinkMessageSize..], IFLA_MTU, null, out var value)
                && value.Length >= sizeof(uint)
            )
            {
                return (int)Math.Min(MemoryMarshal.Read<uint>(value), int.MaxValue);
            }
        }

        return null;
    }

    /// <summary>Adds the IPv4 routes to other hosts in an answer to RTM_GETROUTE.</summary>
    public static void AddRoutes(ReadOnlySpan<byte> answer, uint sequence, List<Route> routes)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type != RTM_NEWROUTE
                || messageSequence != sequence
                || body.Length < RouteMessageSize
                || body[0] != SocketConstants.AF_INET
                || body[1] > 32
                || body[RouteType] != RTN_UNICAST
            )
            {
                continue;
            }

            var attributes = body[RouteMessageSize..];
            var network = FindAttribute(attributes, RTA_DST, sizeof(uint), out var destination)
                ? BinaryPrimitives.ReadUInt32BigEndian(destination)
                : 0;
            uint? gateway = FindAttribute(attributes, RTA_GATEWAY, sizeof(uint), out var address)
                ? BinaryPrimitives.ReadUInt32BigEndian(address)
                : null;
            int? link = FindAttribute(attributes, RTA_OIF, sizeof(int), out var index)
                ? MemoryMarshal.Read<int>(index)
                : null;
            routes.Add(new Route(network, body[1], gateway, link));
        }
    }

    /// <summary>
    /// Adds the routes by one device in an answer to RTM_GETROUTE that people or programs have added for good: not
    /// those of the kernel, nor those of routing daemons, DHCP and router advertisements, which come back by
    /// themselves.
    /// </summary>
    public static void AddRoutesOf(ReadOnlySpan<byte> answer, uint sequence, int link, List<DeviceRoute> routes)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type != RTM_NEWROUTE
                || messageSequence != sequence
                || body.Length < RouteMessageSize
                || body[0] is not (SocketConstants.AF_INET or SocketConstants.AF_INET6)
                || body[1] > (body[0] == SocketConstants.AF_INET ? 32 : 128)
                || body[RouteType] != RTN_UNICAST
                || body[RouteProtocol] is not (RTPROT_BOOT or RTPROT_STATIC)
            )
            {
                continue;
            }

            var size = body[0] == SocketConstants.AF_INET ? sizeof(uint) : 16;
            var attributes = body[RouteMessageSize..];
            if (
                !FindAttribute(attributes, RTA_OIF, sizeof(int), out var index)
                || MemoryMarshal.Read<int>(index) != link
            )
            {
                continue;
            }

            var network = FindAttribute(attributes, RTA_DST, size, out var destination)
                ? new IPAddress(destination)
                : new IPAddress(new byte[size]);
            routes.Add(
                new DeviceRoute(
                    IpPrefix.Of(network, body[1]),
                    FindAttribute(attributes, RTA_GATEWAY, size, out var gateway) ? new IPAddress(gateway) : null,
                    FindAttribute(attributes, RTA_TABLE, sizeof(uint), out var table)
                        ? MemoryMarshal.Read<uint>(table)
                        : body[RouteTableNumber],
                    FindAttribute(attributes, RTA_PRIORITY, sizeof(uint), out var metric)
                        ? MemoryMarshal.Read<uint>(metric)
                        : 0,
                    FindAttribute(attributes, RTA_PREFSRC, size, out var source) ? new IPAddress(source) : null
                )
            );
        }
    }

    /// <summary>Finds in an answer to RTM_GETNETCONF whether IPv4 packets from the device are forwarded.</summary>
    /// <returns>Null if the answer does not say so.</returns>
    public static bool? FindForwarding(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (
                type == RTM_NEWNETCONF
                && messageSequence == sequence
                && body.Length >= ConfigurationMessageSize
                && FindAttribute(body[ConfigurationMessageSize..], NETCONFA_FORWARDING, sizeof(int), out var value)
            )
            {
                return MemoryMarshal.Read<int>(value) != 0;
            }
        }

        return null;
    }

    /// <summary>Whether the last message of a list is among these.</summary>
    public static bool IsEndOfList(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out _))
        {
            if (type == NLMSG_DONE && messageSequence == sequence)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Finds the first attribute of a type that has a value of a size, or of any.</summary>
    public static bool FindAttribute(
        ReadOnlySpan<byte> attributes,
        ushort type,
        int? size,
        out ReadOnlySpan<byte> value
    )
    {
        while (attributes.Length >= AttributeHeaderSize)
        {
            int length = MemoryMarshal.Read<ushort>(attributes);
            if (length < AttributeHeaderSize || length > attributes.Length)
            {
                break;
            }

            if (
                MemoryMarshal.Read<ushort>(attributes[2..]) == type
                && (size is null || length == AttributeHeaderSize + size)
            )
            {
                value = attributes[AttributeHeaderSize..length];
                return true;
            }

            attributes = attributes[Math.Min(attributes.Length, (length + 3) & ~3)..];
        }

        value = default;
        return false;
    }

    /// <summary>Takes the next message.</summary>
    public static bool Next(
        ref ReadOnlySpan<byte> rest,
        out ushort type,
        out uint sequence,
        out ReadOnlySpan<byte> body
    )
    {
        type = 0;
        sequence = 0;
        body = default;
        if (rest.Length < HeaderSize)
        {
            return false;
        }

        var length = MemoryMarshal.Read<uint>(rest);
        if (length < HeaderSize || length > (uint)rest.Length)
        {
            return false;
        }

        type = MemoryMarshal.Read<ushort>(rest[4..]);
        sequence = MemoryMarshal.Read<uint>(rest[8..]);
        body = rest[HeaderSize..(int)length];
        rest = rest[Math.Min(rest.Length, ((int)length + 3) & ~3)..];
        return true;
    }
}
