// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using FsCheck;
using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Random configurations that keep every rule, and how often a property is tried.</summary>
internal static class Generated
{
    private static readonly string[] Hosts =
    [
        "example.com",
        "a",
        "xn--bcher-kva.example.",
        "192.0.2.1",
        "255.255.255.255",
        "[2001:db8::1]",
        "[::ffff:192.0.2.1]",
        "[::1]",
        "[fe80::1%eth0]",
        "[fe80::a:b%tun.4-x_y]",
        "0x.example",
        "1-2.3a",
    ];

    private static readonly Gen<string> Names =
        from first in Gen.Elements("aZ09".ToCharArray())
        from rest in Gen.ArrayOf(Gen.Elements("azAZ059._-".ToCharArray()))
        select first + new string(rest, 0, Math.Min(rest.Length, ConfigurationName.MaxLength - 1));

    private static readonly Gen<int> Ports = Gen.Frequency(
        (3, Gen.Choose(1, 65_535)),
        (1, Gen.Elements(1, 22, 23, 24, 65_534, 65_535))
    );

    public static readonly Gen<PortRange> PortRanges =
        from first in Ports
        from length in Gen.Frequency((2, Gen.Constant(0)), (2, Gen.Choose(0, 20)), (1, Gen.Choose(0, 65_535)))
        select new PortRange((ushort)first, (ushort)Math.Min(65_535, first + length));

    public static readonly Gen<PortSet> PortSets = Gen.NonEmptyListOf(PortRanges)
        .Select(ranges => PortSet.Create([.. ranges]));

    public static readonly Gen<HostPort> Clients =
        from host in Gen.Elements(Hosts)
        from port in Ports
        select Read($"{host}:{port}");

    public static readonly Gen<HostPort> Local =
        from host in Gen.Elements("", "0.0.0.0", "[::]", "192.0.2.1", "[fe80::1%eth0]")
        from port in Ports
        select Read($"{host}:{port}");

    /// <summary>
    /// Any text: quotes, controls, pairs of surrogates, but no half of a pair, which UTF-8 cannot have.
    /// </summary>
    public static readonly Gen<string> Words =
        from runes in Gen.ArrayOf(
            Gen.Frequency(
                (4, Gen.Choose(' ', '~')),
                (2, Gen.Choose(0, 0x1F)),
                (1, Gen.Elements('"', '\\', '/', 0x7F, 0x85, 0x2028, 0xFEFF, 0xFFFF, 0x10FFFF)),
                (1, Gen.Choose(0x80, 0xD7FF)),
                (1, Gen.Choose(0xE000, 0x10FFFF))
            )
        )
        select string.Concat(runes.Select(char.ConvertFromUtf32));

    private static readonly Gen<InterfaceAddress> Addresses =
        from third in Gen.Choose(0, 255)
        from last in Gen.Choose(0, 255)
        from prefix in Gen.Choose(1, 32)
        let text = $"10.0.{third}.{last}/{prefix}"
        where InterfaceAddress.TryParse(text, out _, out _)
        select InterfaceAddress.TryParse(text, out var address, out var error)
            ? address
            : throw new ArgumentException(error);

    private static readonly Gen<ValueList<Ipv4Network>> NetworkLists = Gen.ListOf(
            from address in Gen.Choose(int.MinValue, int.MaxValue)
            from prefix in Gen.Choose(0, 32)
            select Ipv4Network.Of(unchecked((uint)address), prefix)
        )
        .Select(networks => ValueList.Create<Ipv4Network>([.. networks.Take(TunnelConfig.MaxNetworks)]));

    private static readonly Gen<ValueList<IpPrefix>> BothNetworks = Gen.Elements<ValueList<IpPrefix>>(
        [],
        [IpPrefix.Of(IPAddress.Parse("192.0.2.0"), 24)],
        [
            IpPrefix.Of(IPAddress.Parse("2001:db8::"), 32),
            IpPrefix.Of(IPAddress.Parse("0.0.0.0"), 0),
            IpPrefix.Of(IPAddress.Parse("198.51.100.7"), 32),
        ]
    );

    private static readonly Gen<string?> Devices = Gen.Elements("tun0", "tunnel", "a.b-c_d", "exactly-15-byte", null);

    private static Gen<int> Mtu(int least) =>
        Gen.Frequency((3, Gen.Choose(least, TunnelConfig.MaxMtu)), (1, Gen.Constant(TunnelConfig.AutoMtu)));

    private static readonly Gen<LocalAddress?> LocalAddresses = Gen.Elements(
            "",
            "192.0.2.1",
            "192.0.2.1:4500",
            ":4500",
            "2001:db8::1",
            "[2001:db8::1]:4500",
            "fe80::1%eth0",
            "[fe80::1%eth0]:4500"
        )
        .Select(text =>
            text.Length == 0 ? null
            : LocalAddress.TryParse(text, out var local, out var error) ? local
            : throw new ArgumentException(error)
        );

    /// <summary>How a tunnel's own datagrams leave.</summary>
    private static readonly Gen<(LocalAddress? Address, string? Device, int Dscp, uint Mark)> Outers =
        from address in LocalAddresses
        from device in Devices
        from dscp in Gen.Choose(0, TunnelConfig.MaxDscp)
        from mark in Gen.Choose(int.MinValue, int.MaxValue)
        select (address, device, dscp, (uint)mark);

    public static readonly Gen<TunnelConfig> ClassicTunnels =
        from name in Names
        from address in Addresses
        from network in Gen.OneOf(Clients, Gen.Choose(1, 65_535).Select(port => Read($":{port}")))
        from ports in PortSets
        from device in Devices
        from heartbeat in Gen.Choose(0, TunnelConfig.MaxHeartbeatInterval)
        from magic in Words
        from mtu in Mtu(TunnelConfig.MinMtu)
        from sources in NetworkLists
        from destinations in NetworkLists
        from firewall in Gen.Elements(false, true)
        from forward in Gen.Elements(false, true)
        from overlap in Gen.Elements(false, true)
        from reject in Gen.Elements(false, true)
        from flows in Gen.Choose(1, TunnelConfig.MaxFlowTableSize)
        from tcp in Gen.Choose(1, TunnelConfig.MaxFlowTimeout)
        from udp in Gen.Choose(1, TunnelConfig.MaxFlowTimeout)
        from offload in Gen.Elements(Enum.GetValues<OffloadMode>())
        from routes in NetworkLists
        from outer in Outers
        select new TunnelConfig
        {
            Name = name,
            TunnelAddresses = [address],
            NetworkAddress = network,
            AllowedPorts = ports,
            TunnelDevice = device,
            HeartbeatInterval = TimeSpan.FromSeconds(heartbeat),
            PacketMagic = magic,
            Mtu = mtu,
            AllowedSources = sources,
            AllowedDestinations = destinations,
            Firewall = firewall,
            Forward = forward,
            Overlap = overlap,
            Reject = reject,
            FlowTableSize = flows,
            TcpIdleTimeout = TimeSpan.FromSeconds(tcp),
            UdpIdleTimeout = TimeSpan.FromSeconds(udp),
            Offload = offload,
            RouteNetworks = routes,
            BindAddress = outer.Address,
            BindDevice = outer.Device,
            Dscp = outer.Dscp,
            FirewallMark = outer.Mark,
        };

    private static readonly Gen<SecretKey> Secrets =
        from bytes in Gen.ArrayOf(Gen.Choose(0, 255), SecretKey.Size)
        where bytes.Any(b => b != 0)
        select SecretKey.FromBytes([.. bytes.Select(b => (byte)b)]);

    private static readonly Gen<InterfaceAddress> AddressesOfBothFamilies =
        from last in Gen.Choose(1, 254)
        from v6 in Gen.Elements(false, true)
        from prefix in v6 ? Gen.Choose(1, 128) : Gen.Choose(1, 24)
        let text = v6 ? $"fd00::{last:x}/{prefix}" : $"10.3.{last}.7/{prefix}"
        select InterfaceAddress.TryParseEither(text, true, out var address, out var error)
            ? address
            : throw new ArgumentException(error);

    private static readonly Gen<IpPrefix> Prefixes =
        from high in Gen.Choose(int.MinValue, int.MaxValue)
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        from v6 in Gen.Elements(false, true)
        from length in Gen.Choose(0, v6 ? 128 : 32)
        let bits = ((ulong)(uint)high << 32) | (uint)low
        select v6
            ? IpPrefix.Of(true, bits, ~bits, length)
            : IpPrefix.Of(false, bits & 0xFFFF_FFFF_0000_0000, 0, length);

    private static readonly Gen<PeerConfig> Peers =
        from name in Gen.Frequency((1, Gen.Constant((string?)null)), (2, Names.Select(n => (string?)n)))
        from key in Secrets
        from preshared in Gen.OneOf(Gen.Constant((SecretKey?)null), Secrets.Select(s => (SecretKey?)s))
        from networks in Gen.ListOf(Prefixes)
        from endpoint in Gen.OneOf(Gen.Constant((HostPort?)null), Clients.Select(c => (HostPort?)c))
        from keepalive in Gen.Choose(0, PeerConfig.MaxPersistentKeepalive)
        from ports in Gen.OneOf(Gen.Constant((PortSet?)null), PortSets.Select(p => (PortSet?)p))
        select new PeerConfig
        {
            Name = name,
            PublicKey = new PublicKey(key.Bytes),
            PresharedKey = preshared,
            AllowedIPs = [.. networks.Distinct()],
            Endpoint = endpoint,
            PersistentKeepalive = TimeSpan.FromSeconds(keepalive),
            AllowedPorts = ports,
        };

    public static readonly Gen<TunnelConfig> SecureTunnels =
        from name in Names
        from addresses in Gen.ListOf(AddressesOfBothFamilies)
        from port in Gen.Choose(0, 65_535)
        from ports in Gen.OneOf(PortSets, Gen.Constant(PortSet.All))
        from device in Devices
        from mtu in Mtu(TunnelConfig.MinMtuV6)
        from flags in Gen.Choose(0, 31)
        from key in Gen.OneOf(Gen.Constant((SecretKey?)null), Secrets.Select(s => (SecretKey?)s))
        from peers in Gen.ListOf(Peers)
        from routes in Gen.Elements(Enum.GetValues<RouteMode>())
        from table in Gen.Choose(0, int.MaxValue)
        from outer in Outers
        select new TunnelConfig
        {
            Name = name,
            Protocol = TunnelProtocol.WireGuard,
            TunnelAddresses = [.. addresses.DistinctBy(a => a.Address).Take(TunnelConfig.MaxAddresses)],
            NetworkAddress = port == 0 ? HostPort.AnyPort : Read($":{port}"),
            AllowedPorts = ports,
            TunnelDevice = device,
            Mtu = mtu,
            Firewall = (flags & 1) != 0,
            Forward = (flags & 2) != 0,
            Overlap = (flags & 4) != 0,
            Offload = (flags & 8) != 0 ? OffloadMode.Off : OffloadMode.Auto,
            UnknownPeers = (flags & 16) != 0 ? UnknownPeers.Ask : UnknownPeers.Ignore,
            PrivateKey = key,
            Peers = Apart(peers),
            Routes = routes,
            RouteTable = table == 0 ? null : (uint)table,
            FirewallMark = outer.Mark,
            BindAddress = outer.Address,
            BindDevice = outer.Device,
            Dscp = outer.Dscp,
        };

    public static readonly Gen<TunnelConfig> Tunnels = Gen.OneOf(ClassicTunnels, SecureTunnels);

    public static readonly Gen<RelayConfig> Relays =
        from name in Names
        from role in Gen.Elements(Enum.GetValues<RelayRole>())
        from services in Gen.ArrayOf(role == RelayRole.Sender ? Clients : Local)
        from tcp in role == RelayRole.Sender ? Clients : Local
        from protocol in Gen.Elements(Enum.GetValues<RelayProtocol>())
        from idle in Gen.Choose(1, RelayConfig.MaxIdleTimeout)
        from flows in Gen.Choose(1, RelayConfig.MaxMaxFlows)
        from hash in Gen.ArrayOf(Gen.Choose(0, 255), 32)
        from pinned in Gen.Elements(false, true)
        from answers in Gen.Elements(Enum.GetValues<AnswersFrom>())
        from clients in BothNetworks
        from flowRate in Gen.Choose(0, RelayConfig.MaxClientRate)
        from byteRate in Gen.Choose(0, RelayConfig.MaxClientRate)
        from more in Gen.Choose(0, 20)
        from first in role == RelayRole.Sender ? Clients : Local
        from proxy in Gen.Elements(Enum.GetValues<ProxyProtocol>())
        let isTls = protocol == RelayProtocol.Tls
        select new RelayConfig
        {
            Name = name,
            Relay = role,
            UdpAddress = isTls ? Services(role, [first, .. services], more) : first,
            ProxyProtocol = isTls && role == RelayRole.Sender ? proxy : ProxyProtocol.Off,
            TcpAddress = tcp,
            Protocol = protocol,
            IdleTimeout = TimeSpan.FromSeconds(idle),
            MaxFlows = flows,
            ReceiverKey =
                pinned && role == RelayRole.Sender && protocol == RelayProtocol.Tls
                    ? KeyFingerprint.FromHash([.. hash.Select(b => (byte)b)])
                    : null,
            AnswersFrom = role == RelayRole.Sender ? answers : AnswersFrom.AnyPort,
            AllowedClients = role == RelayRole.Receiver ? clients : [],
            ClientFlowRate = role == RelayRole.Receiver ? flowRate : 0,
            ClientByteRate = role == RelayRole.Receiver ? byteRate : 0,
        };

    public static readonly Gen<Configuration> Configurations = Gen.OneOf(
        Tunnels.Select(Configuration (c) => c),
        Relays.Select(Configuration (c) => c)
    );

    /// <summary>Tries a property with 1,000 values; a failure shows the value and the seed.</summary>
    public static void ForAll<T>(Gen<T> values, Action<T> property) =>
        Check.One(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(values.ToArbitrary(), property));

    /// <summary>Those of some peers that have nothing in common that two peers must not have.</summary>
    private static ValueList<PeerConfig> Apart(IEnumerable<PeerConfig> peers)
    {
        var names = new HashSet<string?>();
        var networks = new HashSet<IpPrefix>();
        return
        [
            .. peers
                .DistinctBy(p => p.PublicKey)
                .Where(p => p.Name is null || names.Add(p.Name))
                .Select(p => p with { AllowedIPs = [.. p.AllowedIPs.Where(networks.Add)] }),
        ];
    }

    /// <summary>Services on ports that are not each other's, the first of them a range.</summary>
    private static UdpServiceList Services(RelayRole role, HostPort[] addresses, int more)
    {
        var result = new List<UdpService>();
        foreach (var address in addresses.Take(UdpServiceList.MaxCount))
        {
            var last = result.Count == 0 && address.Port + more <= ushort.MaxValue ? $"-{address.Port + more}" : "";
            var isMapped = role == RelayRole.Sender && more % 2 == 1 && last.Length == 0;
            var mapped = isMapped ? $"{(address.Port % 60_000) + 1}=" : "";
            Assert.True(UdpService.TryParse($"{mapped}{address}{last}", out var service, out var error), error);
            if (
                !result.Any(s =>
                    s.ReceiverPorts.First <= service.ReceiverPorts.Last
                    && service.ReceiverPorts.First <= s.ReceiverPorts.Last
                )
            )
            {
                result.Add(service);
            }
        }

        return [.. result];
    }

    private static HostPort Read(string text) =>
        HostPort.TryParse(text, out var address, out var error)
            ? address
            : throw new ArgumentException(error, nameof(text));
}
