using System.Net;
using System.Runtime.InteropServices;
using UdpTunnel.Config;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>A rule of policy routing (ip-rule(8)) for packets without a mark: which table they look into.</summary>
/// <param name="IsV6">Its family.</param>
/// <param name="Priority">Lower ones come first.</param>
/// <param name="Table">The table.</param>
/// <param name="Mark">Packets with this mark pass the rule by.</param>
/// <param name="IsMainFirst">Whether default routes of that table do not count.</param>
internal readonly record struct RouteRule(bool IsV6, uint Priority, uint Table, uint Mark, bool IsMainFirst);

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

    private const ushort NLM_F_REQUEST = 0x001;
    private const ushort NLM_F_ACK = 0x004;
    private const ushort NLM_F_EXCL = 0x200;
    private const ushort NLM_F_CREATE = 0x400;

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
    private const byte RTN_UNICAST = 1;

    private const ushort FRA_PRIORITY = 6;
    private const ushort FRA_FWMARK = 10;
    private const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    private const ushort FRA_TABLE = 15;
    private const byte FR_ACT_TO_TBL = 1;
    private const uint FIB_RULE_INVERT = 2;

    private const int BufferSize = 4096;

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

    private static Errno Route(ushort type, ushort flags, int link, in DeviceRoute route)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(
            buffer,
            type,
            (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags),
            RouteSocket.Sequence
        );
        var isV6 = route.Network.IsV6;
        request.Append(
            new RouteMessage
            {
                Family = (byte)(isV6 ? AF_INET6 : AF_INET),
                PrefixLength = (byte)route.Network.Length,
                Table = RT_TABLE_UNSPEC,
                Protocol = RTPROT_STATIC,
                Scope = isV6 || route.Gateway is not null ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                Type = RTN_UNICAST,
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

        return RouteSocket.Exchange(request.Bytes, buffer, out _);
    }

    private static Errno Rule(ushort type, ushort flags, in RouteRule rule)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(
            buffer,
            type,
            (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags),
            RouteSocket.Sequence
        );
        request.Append(
            new RuleMessage
            {
                Family = (byte)(rule.IsV6 ? AF_INET6 : AF_INET),
                Action = FR_ACT_TO_TBL,
                Flags = FIB_RULE_INVERT,
            }
        );
        request.Attribute(FRA_PRIORITY, rule.Priority);
        request.Attribute(FRA_FWMARK, rule.Mark);
        request.Attribute(FRA_TABLE, rule.Table);
        if (rule.IsMainFirst)
        {
            request.Attribute(FRA_SUPPRESS_PREFIXLEN, 0u);
        }

        return RouteSocket.Exchange(request.Bytes, buffer, out _);
    }

    /// <summary><c>struct rtmsg</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 12)]
    private struct RouteMessage
    {
        public byte Family;
        public byte PrefixLength;
        public byte SourceLength;
        public byte Tos;
        public byte Table;
        public byte Protocol;
        public byte Scope;
        public byte Type;
        public uint Flags;
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
