// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The routes that the file of a tunnel asks for: one to the device for each network of a secure tunnel's peers, or of
/// a classic tunnel's <c>Routes</c>. A default route would catch the
/// tunnel's own datagrams as well, so it goes to a table of its own, and a rule sends everything there but datagrams
/// with the mark of the tunnel's socket; routes of the main table that are no default routes come first (as wg-quick
/// has it).
/// </summary>
/// <remarks>
/// Routes go with the device. Rules do not: they are removed when this is disposed of, and of a process that was
/// killed they lead to an empty table, until the tunnel runs again and takes them over, or the daemon starts without it
/// (<see cref="RemoveAbandoned"/>).
/// </remarks>
/// <param name="tun">The device.</param>
/// <param name="port">The UDP port of this end.</param>
/// <param name="name">Name of the tunnel.</param>
internal sealed class TunnelRoutes(ITun tun, int port, string name) : IDisposable
{
    // Behind whatever else somebody has set, and before the main table (32766).
    private const uint RulePriority = 32_765;
    private const uint MainFirstPriority = 32_764;
    private const uint OwnDatagramsPriority = 32_763;
    private const uint OthersPriority = 32_762;

    // Before it, the kernel takes no notice of a rule's port, and all of this host's packets would have the main table.
    private static readonly Version PortsInRules = new(4, 17);

    private readonly HashSet<IpPrefix> _routes = [];
    private readonly HashSet<bool> _rules = [];
    private uint _number;

    /// <summary>
    /// Number of the table for default routes, and mark of the socket. The same each time for a tunnel of that name,
    /// so that rules of a run before are found.
    /// </summary>
    public static uint NumberOf(TunnelConfig config) =>
        config.FirewallMark != 0 ? config.FirewallMark : 0x7574_0000 | Fold(config.Name);

    /// <summary>Whether the tunnel needs the mark.</summary>
    public static bool NeedsMark(TunnelConfig config) =>
        config.Routes == RouteMode.Auto
        && config.RouteTable is null
        && Networks(config).Any(prefix => prefix.IsDefault);

    /// <summary>Mark of the socket; 0 for none.</summary>
    public static uint MarkOf(TunnelConfig config) => NeedsMark(config) ? NumberOf(config) : config.FirewallMark;

    /// <summary>
    /// Removes rules that a process has left that was killed: those whose table has no routes, which went with the
    /// device.
    /// </summary>
    public static void RemoveAbandoned()
    {
        try
        {
            foreach (var isV6 in (ReadOnlySpan<bool>)[false, true])
            {
                var rules = RouteTable.ListRules(isV6);
                var tables = rules.Count > 0 ? RouteTable.ListTables(isV6) : new HashSet<uint>();
                foreach (var rule in rules.Where(rule => !tables.Contains(rule.Mark)))
                {
                    RouteTable.RemoveRule(rule);
                }
            }
        }
        catch (LinuxException)
        {
            // They lead nowhere and harm nobody.
        }
    }

    /// <summary>Adds and removes routes until they are those of a configuration.</summary>
    /// <exception cref="RequestException">The kernel refuses one: there is such a route, for example.</exception>
    public void Apply(TunnelConfig config)
    {
        var wanted = Wanted(config);
        foreach (var prefix in wanted)
        {
            if (!_routes.Contains(prefix))
            {
                Add(prefix, config);
            }
        }

        foreach (var prefix in _routes.Except(wanted).ToList())
        {
            RouteTable.Remove(tun.Index, prefix.Address, prefix.Length, TableOf(prefix, config));
            _routes.Remove(prefix);
            if (prefix.IsDefault)
            {
                RemoveRules(prefix.IsV6, NumberOf(config));
            }
        }
    }

    /// <summary>Adds all of them again to a device that was made again.</summary>
    /// <exception cref="LinuxException">The kernel refuses one.</exception>
    public void Restore(TunnelConfig config)
    {
        _routes.Clear();
        try
        {
            Apply(config);
        }
        catch (RequestException e)
        {
            throw new LinuxException(e.Message, Errno.Exists);
        }
    }

    /// <summary>Whether a route is one of these. For the host.</summary>
    public bool Has(in DeviceRoute route) => _routes.Contains(route.Network);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var isV6 in _rules.ToList())
        {
            RemoveRules(isV6, _number);
        }
    }

    private static HashSet<IpPrefix> Wanted(TunnelConfig config) =>
        config.Routes == RouteMode.Off
            ? []
            : Networks(config)
                .Where(prefix => !config.TunnelAddresses.Any(address => address.Network.Contains(prefix)))
                .ToHashSet();

    private static IEnumerable<IpPrefix> Networks(TunnelConfig config) =>
        config.Protocol == TunnelProtocol.Classic
            ? config.RouteNetworks.Select(n => IpPrefix.Of(isV6: false, (ulong)n.Address << 32, 0, n.PrefixLength))
            : config.Peers.SelectMany(peer => peer.AllowedIPs);

    private static uint TableOf(IpPrefix prefix, TunnelConfig config) =>
        config.RouteTable ?? (prefix.IsDefault ? NumberOf(config) : RouteTable.Main);

    private static RouteRule OwnTable(bool isV6, uint number) => new(isV6, RulePriority, number, number);

    private static RouteRule MainFirst(bool isV6, uint number) =>
        new(isV6, MainFirstPriority, RouteTable.Main, number, IsMainFirst: true);

    private static bool HasPortsInRules =>
        Version.TryParse(Kernel.Release.Split('-', '+')[0], out var release) && release >= PortsInRules;

    /// <summary>What this host does not send itself passes the rule of its datagrams by.</summary>
    private static RouteRule Others(uint number) =>
        new(IsV6: false, OthersPriority, Table: 0, number, GoOnAt: MainFirstPriority);

    /// <summary>The tunnel's datagrams, also where the kernel looks for the way back of what has come (IPv4).</summary>
    private RouteRule OwnDatagrams(uint number) =>
        new(IsV6: false, OwnDatagramsPriority, RouteTable.Main, number, Port: (ushort)port);

    /// <summary>FNV-1a, folded to 16 bits.</summary>
    private static uint Fold(string text)
    {
        var hash = 2_166_136_261u;
        foreach (var character in text)
        {
            hash = (hash ^ character) * 16_777_619;
        }

        return (hash >> 16) ^ (hash & 0xFFFF);
    }

    private void Add(IpPrefix prefix, TunnelConfig config)
    {
        try
        {
            RouteTable.Add(tun.Index, prefix.Address, prefix.Length, TableOf(prefix, config));
            _routes.Add(prefix);
            if (prefix.IsDefault && config.RouteTable is null)
            {
                _rules.Add(prefix.IsV6);
                _number = NumberOf(config);
                RouteTable.AddRule(OwnTable(prefix.IsV6, _number));
                RouteTable.AddRule(MainFirst(prefix.IsV6, _number));
                if (!prefix.IsV6 && HasPortsInRules)
                {
                    AddOwnDatagrams();
                }
            }
        }
        catch (LinuxException e) when (e.Errno == Errno.NoDevice)
        {
            // It is in another network namespace, where routes are for whoever has moved it there; or it is deleted,
            // and gets all of them when it is made again.
        }
        catch (LinuxException e) when (e.Errno == Errno.Exists)
        {
            if (RouteSocket.ListRoutesOf(tun.Index).Any(r => r.Network == prefix && r.Table == TableOf(prefix, config)))
            {
                // Somebody was first to add the same.
                _routes.Add(prefix);
                return;
            }

            var (owner, remedy) =
                config.Protocol == TunnelProtocol.Classic
                    ? ($"which {name} has in its \"Routes\"", "or take the network out of \"Routes\"")
                    : ($"a network of a peer of {name}", "give the peer another network, or write \"Routes\": \"off\"");
            throw new RequestException(
                Fault.AddressOverlap,
                $"there is another route to {prefix}, {owner} (`ip route show {prefix}`): remove it, {remedy}"
            );
        }
        catch (LinuxException e)
        {
            throw new RequestException(Fault.System, e.Message);
        }
    }

    private void AddOwnDatagrams()
    {
        var wanted = OwnDatagrams(_number);
        foreach (var before in RouteTable.ListRules(isV6: false))
        {
            // The port may have been another one in a run that was killed.
            if (before.Mark == _number && before.Port != 0 && before.Port != wanted.Port)
            {
                RouteTable.RemoveRule(before);
            }
        }

        RouteTable.AddRule(Others(_number));
        RouteTable.AddRule(wanted);
    }

    private void RemoveRules(bool isV6, uint number)
    {
        if (_rules.Remove(isV6))
        {
            RouteTable.RemoveRule(OwnTable(isV6, number));
            RouteTable.RemoveRule(MainFirst(isV6, number));
            if (!isV6)
            {
                RouteTable.RemoveRule(OwnDatagrams(number));
                RouteTable.RemoveRule(Others(number));
            }
        }
    }
}
