// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>A tunnel file: one end of a private IP link over UDP.</summary>
/// <remarks>
/// A field that belongs to one <see cref="Protocol"/> has its default with the other, and is not written. The old
/// fields
/// <c>TunnelPeerAddress</c> and <c>LogFile</c> are read, remarked upon and dropped: they have no effect.
/// </remarks>
public sealed record TunnelConfig : Configuration
{
    /// <summary>
    /// Smallest <see cref="Mtu"/>, in bytes: what each host takes as a whole (RFC 791, section 3.1).
    /// </summary>
    public const int MinMtu = 576;

    /// <summary>
    /// Smallest <see cref="Mtu"/> where IPv6 travels inside, in bytes: below it the kernel takes IPv6 from a device (RFC
    /// 8200, section 5).
    /// </summary>
    public const int MinMtuV6 = 1280;

    /// <summary><see cref="Mtu"/> that follows the path: "auto".</summary>
    public const int AutoMtu = 0;

    /// <summary>Largest <see cref="Mtu"/>, in bytes.</summary>
    public const int MaxMtu = 65_520;

    /// <summary>
    /// <see cref="Mtu"/> of a classic tunnel when the file names none, in bytes; the predecessor's fixed value.
    /// </summary>
    public const int DefaultMtu = 1300;

    /// <summary>
    /// <see cref="Mtu"/> of a tunnel of <see cref="TunnelProtocol.WireGuard"/> when the file names none, in bytes: what
    /// an Ethernet frame carries over IPv6 (1,500 less 40 of IPv6, 8 of UDP and 32 of the protocol).
    /// </summary>
    public const int DefaultWireGuardMtu = 1420;

    /// <summary>The most <see cref="TunnelAddresses"/>.</summary>
    public const int MaxAddresses = 64;

    /// <summary>The most <see cref="Peers"/>.</summary>
    public const int MaxPeers = 10_000;

    /// <summary>The most <see cref="PeerConfig.AllowedIPs"/> of all peers together.</summary>
    public const int MaxAllowedIPs = 65_536;

    /// <summary>
    /// The most networks in <see cref="AllowedSources"/> or <see cref="AllowedDestinations"/>: each is compared with
    /// the addresses of a new flow's first packet.
    /// </summary>
    public const int MaxNetworks = 256;

    /// <summary>
    /// Longest <see cref="HeartbeatInterval"/>, in seconds: a day. No NAT keeps a UDP mapping for so long.
    /// </summary>
    public const int MaxHeartbeatInterval = 86_400;

    /// <summary>
    /// <see cref="HeartbeatInterval"/> when the file names none, in seconds: less than the 30 s after which Linux
    /// forgets a UDP flow of one direction (<c>nf_conntrack_udp_timeout</c>).
    /// </summary>
    public const int DefaultHeartbeatInterval = 25;

    /// <summary>
    /// Longest <see cref="PacketMagic"/>, in bytes of UTF-8. The wire carries its MD5, so that any length would do; the
    /// bound keeps each stored configuration below <see cref="ConfigFile.MaxLength"/>.
    /// </summary>
    public const int MaxPacketMagicLength = 65_536;

    /// <summary>Largest <see cref="Dscp"/>: it has six bits.</summary>
    public const int MaxDscp = 63;

    /// <summary>Most <see cref="FlowTableSize"/>: 80 MiB of memory in each direction.</summary>
    public const int MaxFlowTableSize = 1_048_576;

    /// <summary><see cref="FlowTableSize"/> when the file names none: one for each port.</summary>
    public const int DefaultFlowTableSize = 65_536;

    /// <summary>Longest <see cref="TcpIdleTimeout"/> and <see cref="UdpIdleTimeout"/>, in seconds: a week.</summary>
    public const int MaxFlowTimeout = 604_800;

    /// <summary><see cref="TcpIdleTimeout"/> when the file names none, in seconds: a day.</summary>
    public const int DefaultTcpIdleTimeout = 86_400;

    /// <summary>
    /// <see cref="UdpIdleTimeout"/> when the file names none, in seconds; the predecessor's fixed value.
    /// </summary>
    public const int DefaultUdpIdleTimeout = 300;

    /// <summary>What it speaks.</summary>
    public TunnelProtocol Protocol { get; init; }

    /// <summary>
    /// Private addresses of this end, and their networks. Classic: exactly one, IPv4. WireGuard: any, none if somebody
    /// else gives the device its addresses.
    /// </summary>
    public required ValueList<InterfaceAddress> TunnelAddresses { get; init; }

    /// <summary>
    /// Classic: without a host, server on that port; with one, client of that server. WireGuard: the port of this end,
    /// without a host; <see cref="HostPort.AnyPort"/> for one of the kernel's choice.
    /// </summary>
    public required HostPort NetworkAddress { get; init; }

    /// <summary>TCP and UDP ports that may be reached through the tunnel, not empty.</summary>
    public required PortSet AllowedPorts { get; init; }

    /// <summary>Name of the TUN device, 1 to 15 bytes; null lets the kernel choose.</summary>
    public string? TunnelDevice { get; init; }

    /// <summary>
    /// MTU of the TUN device in bytes, <see cref="LeastMtu"/> to <see cref="MaxMtu"/>; <see cref="AutoMtu"/> for what the
    /// path to the peers carries.
    /// </summary>
    public int Mtu { get; init; } = DefaultMtu;

    /// <summary>The MTU that the device has before anything is known of the path.</summary>
    public int FirstMtu =>
        Mtu != AutoMtu ? Mtu
        : Protocol == TunnelProtocol.Classic ? DefaultMtu
        : DefaultWireGuardMtu;

    /// <summary>The smallest MTU that the device may have, in bytes.</summary>
    public int LeastMtu =>
        TunnelAddresses.Any(address => address.IsV6) || Peers.Any(peer => peer.AllowedIPs.Any(ip => ip.IsV6))
            ? MinMtuV6
            : MinMtu;

    /// <summary>Whether an nftables table of our own also guards the device.</summary>
    public bool Firewall { get; init; }

    /// <summary>
    /// Whether the table of <see cref="Firewall"/> also lets packets pass that this host forwards. Without that table
    /// nothing of ours keeps a host that forwards from forwarding.
    /// </summary>
    public bool Forward { get; init; }

    /// <summary>
    /// Whether <see cref="TunnelAddresses"/> may cover addresses that this host reaches otherwise: of other devices'
    /// networks, gateways, name servers.
    /// </summary>
    public bool Overlap { get; init; }

    /// <summary>
    /// Whether packets to a port that is not allowed, and those of a connection that is not remembered, are refused at
    /// once, with a TCP reset or an ICMP error; else they are dropped in silence, as the predecessor did.
    /// </summary>
    public bool Reject { get; init; }

    /// <summary>
    /// Flows that the port filter remembers for each direction, at most <see cref="MaxFlowTableSize"/>.
    /// </summary>
    public int FlowTableSize { get; init; } = DefaultFlowTableSize;

    /// <summary>
    /// Time after which an idle connection of TCP is forgotten: whole seconds, 1 to <see cref="MaxFlowTimeout"/>. One
    /// that is being opened or was closed is forgotten sooner.
    /// </summary>
    public TimeSpan TcpIdleTimeout { get; init; } = TimeSpan.FromSeconds(DefaultTcpIdleTimeout);

    /// <summary>
    /// Time after which an idle flow of UDP that was answered is forgotten: whole seconds, 1 to
    /// <see cref="MaxFlowTimeout"/>. One without an answer is forgotten after two minutes.
    /// </summary>
    public TimeSpan UdpIdleTimeout { get; init; } = TimeSpan.FromSeconds(DefaultUdpIdleTimeout);

    /// <summary>
    /// Address of this host, and for a client the port, that the outer socket is bound to; null for all of them, and
    /// for a port of the kernel's choice.
    /// </summary>
    public LocalAddress? BindAddress { get; init; }

    /// <summary>
    /// Device that outer datagrams leave by and come from, such as an uplink or a VRF (<c>SO_BINDTODEVICE</c>); null
    /// for whichever the routes say.
    /// </summary>
    public string? BindDevice { get; init; }

    /// <summary>
    /// Differentiated services code point of outer datagrams (RFC 2474), 0 to <see cref="MaxDscp"/>.
    /// </summary>
    public int Dscp { get; init; }

    /// <summary>Whether offloads may be used.</summary>
    public OffloadMode Offload { get; init; }

    /// <summary>
    /// Classic: networks that packets from the peer may come from; empty for all. Never a host's own addresses,
    /// whatever stands here.
    /// </summary>
    public ValueList<Ipv4Network> AllowedSources { get; init; } = [];

    /// <summary>Classic: networks that packets from the peer may go to; empty for all.</summary>
    public ValueList<Ipv4Network> AllowedDestinations { get; init; } = [];

    /// <summary>
    /// Classic: time without outbound traffic after which the client sends a heartbeat: whole seconds, up to
    /// <see cref="MaxHeartbeatInterval"/>; zero is never.
    /// </summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(DefaultHeartbeatInterval);

    /// <summary>Classic: both ends' shared word. A secret: only <see cref="Configuration.ToJson"/> shows it.</summary>
    public string PacketMagic { get; init; } = "";

    /// <summary>WireGuard: this end's private key; null for one that the daemon makes and keeps. A secret.</summary>
    public SecretKey? PrivateKey { get; init; }

    /// <summary>WireGuard: the other ends, in the order of the file.</summary>
    public ValueList<PeerConfig> Peers { get; init; } = [];

    /// <summary>WireGuard: what happens to those whose key is no peer's.</summary>
    public UnknownPeers UnknownPeers { get; init; }

    /// <summary>WireGuard: whether the peers' networks get routes to the device.</summary>
    public RouteMode Routes { get; init; }

    /// <summary>
    /// WireGuard: number of the routing table that the routes of <see cref="RouteMode.Auto"/> go to, 1 to
    /// 4,294,967,295; null for the main one, with a table and a rule of its own for a default route. wg-quick's
    /// <c>Table</c>.
    /// </summary>
    public uint? RouteTable { get; init; }

    /// <summary>Classic: networks behind the peer that get routes to the device.</summary>
    public ValueList<Ipv4Network> RouteNetworks { get; init; } = [];

    /// <summary>
    /// Mark of the packets of the tunnel's own socket (<c>SO_MARK</c>); 0 for none. <c>wg</c>'s
    /// <c>FwMark</c>.
    /// </summary>
    public uint FirewallMark { get; init; }

    /// <summary>The address of a classic tunnel.</summary>
    public InterfaceAddress TunnelAddress => TunnelAddresses[0];

    /// <summary>Classic: whether this end waits for its peer (true) or calls it (false).</summary>
    public bool IsServer => Protocol == TunnelProtocol.Classic && NetworkAddress.Kind == HostKind.None;

    private protected override string KindName => "tunnel";

    private protected override void WriteFields(Utf8JsonWriter json, bool showSecrets)
    {
        json.WriteString(nameof(Name), Name);
        var isClassic = Protocol == TunnelProtocol.Classic;
        // Only where it is another than the first one, so that a version that knows no other reads what was stored for
        // it.
        if (!isClassic)
        {
            json.WriteString(nameof(Protocol), Choices.Text(Choices.TunnelProtocol, Protocol));
        }

        WriteAddresses(json);
        if (NetworkAddress != HostPort.AnyPort)
        {
            json.WriteString(nameof(NetworkAddress), NetworkAddress.ToString());
        }

        json.WritePropertyName(nameof(AllowedPorts));
        AllowedPorts.Write(json, allAsWord: !isClassic);
        Write(json, nameof(AllowedSources), AllowedSources);
        Write(json, nameof(AllowedDestinations), AllowedDestinations);
        if (TunnelDevice is not null)
        {
            json.WriteString(nameof(TunnelDevice), TunnelDevice);
        }

        if (isClassic)
        {
            json.WriteNumber(nameof(HeartbeatInterval), (long)HeartbeatInterval.TotalSeconds);
            json.WriteString(nameof(PacketMagic), showSecrets ? PacketMagic : SecretKey.Hidden);
        }

        if (Mtu == AutoMtu)
        {
            json.WriteString(nameof(Mtu), Choices.Auto);
        }
        else
        {
            json.WriteNumber(nameof(Mtu), Mtu);
        }

        json.WriteBoolean(nameof(Firewall), Firewall);
        // Only where true, so that a version that knows neither still reads what was stored for it.
        if (Forward)
        {
            json.WriteBoolean(nameof(Forward), Forward);
        }

        if (Overlap)
        {
            json.WriteBoolean(nameof(Overlap), Overlap);
        }

        if (Reject)
        {
            json.WriteBoolean(nameof(Reject), Reject);
        }

        Write(json, nameof(Routes), RouteNetworks);

        if (BindAddress is not null)
        {
            json.WriteString(nameof(BindAddress), BindAddress.ToString());
        }

        if (BindDevice is not null)
        {
            json.WriteString(nameof(BindDevice), BindDevice);
        }

        Write(json, nameof(Dscp), Dscp, usual: 0);
        Write(json, nameof(FirewallMark), FirewallMark, usual: 0);
        Write(json, nameof(FlowTableSize), FlowTableSize, DefaultFlowTableSize);
        Write(json, nameof(TcpIdleTimeout), (long)TcpIdleTimeout.TotalSeconds, DefaultTcpIdleTimeout);
        Write(json, nameof(UdpIdleTimeout), (long)UdpIdleTimeout.TotalSeconds, DefaultUdpIdleTimeout);
        json.WriteString(nameof(Offload), Choices.Text(Choices.Offload, Offload));
        if (!isClassic)
        {
            WriteWireGuard(json, showSecrets);
        }
    }

    private void WriteAddresses(Utf8JsonWriter json)
    {
        // In a file the field has the name that it had when there was one address only.
        json.WritePropertyName(nameof(TunnelAddress));
        if (TunnelAddresses.Count == 1)
        {
            json.WriteStringValue($"{TunnelAddresses[0]}");
        }
        else
        {
            JsonLine.WriteList(json, TunnelAddresses);
        }
    }

    private void WriteWireGuard(Utf8JsonWriter json, bool showSecrets)
    {
        if (PrivateKey is not null)
        {
            json.WriteString(nameof(PrivateKey), showSecrets ? PrivateKey.Reveal() : SecretKey.Hidden);
        }

        json.WriteString(nameof(UnknownPeers), Choices.Text(Choices.UnknownPeers, UnknownPeers));
        json.WriteString(nameof(Routes), Choices.Text(Choices.Routes, Routes));
        if (RouteTable is { } table)
        {
            json.WriteNumber(nameof(RouteTable), table);
        }

        json.WriteStartArray(nameof(Peers));
        foreach (var peer in Peers)
        {
            peer.Write(json, showSecrets);
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string field, long value, long usual)
    {
        if (value != usual)
        {
            json.WriteNumber(field, value);
        }
    }

    private static void Write(Utf8JsonWriter json, string field, ValueList<Ipv4Network> networks)
    {
        if (networks.Count == 0)
        {
            return;
        }

        json.WriteStartArray(field);
        foreach (var network in networks)
        {
            json.WriteStringValue(network.ToString());
        }

        json.WriteEndArray();
    }
}
