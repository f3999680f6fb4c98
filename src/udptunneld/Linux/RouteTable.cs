// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.InteropServices;
using UdpTunnel.Config;
using static UdpTunnel.Linux.NetlinkSocket;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>A rule of policy routing (ip-rule(8)): which table packets look into.</summary>
/// <param name="IsV6">Its family.</param>
/// <param name="Priority">Lower ones come first.</param>
/// <param name="Table">The table.</param>
/// <param name="Mark">
/// Whose rule it is. Packets with this mark pass the rule by; to a rule with a port or with a place to go on at, marks
/// do not matter.
/// </param>
/// <param name="IsMainFirst">Whether default routes of that table do not count.</param>
/// <param name="Port">
/// Only packets of UDP from this port; 0 for all packets. The kernel's test of a source (rp_filter) asks for the way
/// back of what comes to the port, which has no mark, and finds the rule, too; but not if the rule is for packets of
/// this host alone, as the kernel then does not look at ports before it routes.
/// </param>
/// <param name="GoOnAt">
/// Packets that this host does not send itself go on at the rule with this priority; 0 if it looks into a table.
/// </param>
internal readonly record struct RouteRule(
    bool IsV6,
    uint Priority,
    uint Table,
    uint Mark,
    bool IsMainFirst = false,
    ushort Port = 0,
    uint GoOnAt = 0
);

/// <summary>
/// Routes to a device and rules about tables, by rtnetlink (rtnetlink(7), include/uapi/linux/fib_rules.h).
/// </summary>
internal static class RouteTable
{
    /// <summary>Number of the main table (RT_TABLE_MAIN).</summary>
    public const uint Main = 254;

    private const ushort RTM_NEWROUTE = 24;
    private const ushort RTM_DELROUTE = 25;
    private const ushort RTM_NEWRULE = 32;
    private const ushort RTM_DELRULE = 33;
    private const ushort RTM_GETROUTE = 26;
    private const ushort RTM_GETRULE = 34;

    private const ushort RTA_DST = 1;
    private const ushort RTA_OIF = 4;
    private const ushort RTA_GATEWAY = 5;
    private const ushort RTA_PRIORITY = 6;
    private const ushort RTA_PREFSRC = 7;
    private const ushort RTA_TABLE = 15;
    private const byte RT_TABLE_UNSPEC = 0;
    private const byte RTPROT_STATIC = 4;
    private const byte RT_SCOPE_UNIVERSE = 0;
    private const byte RT_SCOPE_LINK = 253;

    private const ushort FRA_IIFNAME = 3;
    private const ushort FRA_GOTO = 4;
    private const ushort FRA_PRIORITY = 6;
    private const ushort FRA_FWMARK = 10;
    private const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    private const ushort FRA_TABLE = 15;
    private const ushort FRA_FWMASK = 16;
    private const ushort FRA_PROTOCOL = 21;
    private const ushort FRA_IP_PROTO = 22;
    private const ushort FRA_SPORT_RANGE = 23;
    private const byte IPPROTO_UDP = 17;

    // Who made a rule, so that those of a process that was killed are found. Nobody else's (rtnetlink.h has others).
    private const byte Ours = 117;

    // For a length of a prefix: the kernel's -1.
    private const uint None = uint.MaxValue;
    private const int MessageSize = 12;
    private const byte FR_ACT_TO_TBL = 1;
    private const byte FR_ACT_GOTO = 2;
    private const uint FIB_RULE_INVERT = 2;

    /// <summary>Adds a route to a network through a device.</summary>
    /// <exception cref="LinuxException">
    /// There is one to that network already (EEXIST), or the kernel refuses.
    /// </exception>
    public static void Add(int link, IPAddress network, int prefixLength, uint table) =>
        Add(link, new DeviceRoute(IpPrefix.Of(network, prefixLength), null, table, Metric: 0, Source: null));

    /// <summary>Adds a route through a device.</summary>
    /// <exception cref="LinuxException">There is one like it already (EEXIST), or the kernel refuses.</exception>
    public static void Add(int link, in DeviceRoute route)
    {
        var error = Route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, link, route);
        if (error != Errno.None)
        {
            throw new LinuxException($"cannot add a route to {route.Network}", error);
        }
    }

    /// <summary>Removes a route. One that is not there is as good as removed.</summary>
    public static void Remove(int link, IPAddress network, int prefixLength, uint table) =>
        _ = Route(
            RTM_DELROUTE,
            0,
            link,
            new DeviceRoute(IpPrefix.Of(network, prefixLength), null, table, Metric: 0, Source: null)
        );

    /// <summary>Adds a rule, which may be there already.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static void AddRule(in RouteRule rule)
    {
        var error = Rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
        if (error is not (Errno.None or Errno.Exists))
        {
            throw new LinuxException($"cannot add a rule for routing table {rule.Table}", error);
        }
    }

    /// <summary>Removes a rule. One that is not there is as good as removed.</summary>
    public static void RemoveRule(in RouteRule rule) => _ = Rule(RTM_DELRULE, 0, rule);

    /// <summary>The rules that this program has made, whichever process it was.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static IReadOnlyList<RouteRule> ListRules(bool isV6)
    {
        var rules = new List<RouteRule>();
        List(RTM_GETRULE, isV6, "rules", (type, body) =>
        {
            if (type == RTM_NEWRULE && FindByte(body, FRA_PROTOCOL) == Ours)
            {
                rules.Add(
                    new RouteRule(
                        isV6,
                        FindNumber(body, FRA_PRIORITY),
                        FindNumber(body, FRA_TABLE),
                        FindNumber(body, FRA_FWMARK),
                        FindNumber(body, FRA_SUPPRESS_PREFIXLEN, otherwise: None) == 0,
                        (ushort)FindNumber(body, FRA_SPORT_RANGE),
                        FindNumber(body, FRA_GOTO)
                    )
                );
            }
        });
        return rules;
    }

    /// <summary>The tables in which there is a route.</summary>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static IReadOnlySet<uint> ListTables(bool isV6)
    {
        var tables = new HashSet<uint>();
        List(RTM_GETROUTE, isV6, "routes", (type, body) =>
        {
            if (type == RTM_NEWROUTE)
            {
                tables.Add(FindNumber(body, RTA_TABLE));
            }
        });
        return tables;
    }

    private delegate void ReadMessage(ushort type, ReadOnlySpan<byte> body);

    private static void List(ushort what, bool isV6, string name, ReadMessage read)
    {
        Span<byte> buffer = stackalloc byte[ListBufferSize];
        var request = new NetlinkRequest(buffer, what, NLM_F_REQUEST | NLM_F_DUMP, Sequence);
        request.Append(new RuleMessage { Family = (byte)(isV6 ? AF_INET6 : AF_INET) });
        NetlinkSocket.List(request.Bytes, buffer, name, answer =>
        {
            while (NetlinkAnswer.Next(ref answer, out var type, out var sequence, out var body))
            {
                if (sequence == Sequence && body.Length >= MessageSize)
                {
                    read(type, body);
                }
            }
        });
    }

    private static bool Find(ReadOnlySpan<byte> body, ushort attribute, int size, out ReadOnlySpan<byte> value) =>
        NetlinkAnswer.FindAttribute(body[MessageSize..], attribute, size, out value);

    private static uint FindNumber(ReadOnlySpan<byte> body, ushort attribute, uint otherwise = 0) =>
        Find(body, attribute, sizeof(uint), out var value) ? MemoryMarshal.Read<uint>(value) : otherwise;

    private static byte FindByte(ReadOnlySpan<byte> body, ushort attribute) =>
        Find(body, attribute, sizeof(byte), out var value) ? value[0] : (byte)0;

    private static Errno Route(ushort type, ushort flags, int link, in DeviceRoute route)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, type, (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags), Sequence);
        var isV6 = route.Network.IsV6;
        request.Append(
            new RouteMessage
            {
                Family = (byte)(isV6 ? AF_INET6 : AF_INET),
                PrefixLength = (byte)route.Network.Length,
                Table = RT_TABLE_UNSPEC,
                Protocol = RTPROT_STATIC,
                Scope = isV6 || route.Gateway is not null ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                Type = NetlinkAnswer.RTN_UNICAST,
            }
        );
        if (!route.Network.IsDefault)
        {
            request.Attribute(RTA_DST, route.Network.Address.GetAddressBytes());
        }

        request.Attribute(RTA_OIF, link);
        request.Attribute(RTA_TABLE, route.Table);
        if (route.Gateway is { } gateway)
        {
            request.Attribute(RTA_GATEWAY, gateway.GetAddressBytes());
        }

        if (route.Metric != 0)
        {
            request.Attribute(RTA_PRIORITY, route.Metric);
        }

        if (route.Source is { } source)
        {
            request.Attribute(RTA_PREFSRC, source.GetAddressBytes());
        }

        return Exchange(request.Bytes, buffer, out _);
    }

    private static Errno Rule(ushort type, ushort flags, in RouteRule rule)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, type, (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags), Sequence);
        request.Append(
            new RuleMessage
            {
                Family = (byte)(rule.IsV6 ? AF_INET6 : AF_INET),
                Action = rule.GoOnAt == 0 ? FR_ACT_TO_TBL : FR_ACT_GOTO,
                Flags = rule.Port == 0 ? FIB_RULE_INVERT : 0,
            }
        );
        request.Attribute(FRA_PROTOCOL, Ours);
        request.Attribute(FRA_PRIORITY, rule.Priority);
        request.Attribute(FRA_FWMARK, rule.Mark);
        request.Attribute(FRA_TABLE, rule.Table);
        if (rule.IsMainFirst)
        {
            request.Attribute(FRA_SUPPRESS_PREFIXLEN, 0u);
        }

        if (rule.Port != 0)
        {
            // A range of ports, in host order.
            request.Attribute(FRA_FWMASK, 0u);
            request.Attribute(FRA_IP_PROTO, IPPROTO_UDP);
            request.Attribute(FRA_SPORT_RANGE, rule.Port | ((uint)rule.Port << 16));
        }

        if (rule.GoOnAt != 0)
        {
            // Inverted: "lo" stands for what this host itself sends.
            request.Attribute(FRA_FWMASK, 0u);
            request.Attribute(FRA_IIFNAME, "lo");
            request.Attribute(FRA_GOTO, rule.GoOnAt);
        }

        return Exchange(request.Bytes, buffer, out _);
    }

    /// <summary><c>struct fib_rule_hdr</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 12)]
    private struct RuleMessage
    {
        public byte Family;
        public byte DestinationLength;
        public byte SourceLength;
        public byte Tos;
        public byte Table;
        private readonly byte _reserved1;
        private readonly byte _reserved2;
        public byte Action;
        public uint Flags;
    }
}
