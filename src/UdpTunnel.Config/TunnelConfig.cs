using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>A tunnel file: one end of a private IP link over UDP.</summary>
/// <remarks>
/// The old fields <c>TunnelPeerAddress</c> and <c>LogFile</c> are read, remarked upon and dropped: they have no effect.
/// </remarks>
public sealed record TunnelConfig : Configuration
{
    /// <summary>
    /// Smallest <see cref="Mtu"/>, in bytes: below it the kernel takes IPv6 from a device (RFC 8200, section 5).
    /// </summary>
    public const int MinMtu = 1280;

    /// <summary>Largest <see cref="Mtu"/>, in bytes.</summary>
    public const int MaxMtu = 65_520;

    /// <summary><see cref="Mtu"/> when the file names none, in bytes; the predecessor's fixed value.</summary>
    public const int DefaultMtu = 1300;

    /// <summary>
    /// Longest <see cref="HeartbeatInterval"/>, in seconds: a day. No NAT keeps a UDP mapping for so long.
    /// </summary>
    public const int MaxHeartbeatInterval = 86_400;

    /// <summary><see cref="HeartbeatInterval"/> when the file names none, in seconds.</summary>
    public const int DefaultHeartbeatInterval = 30;

    /// <summary>
    /// Longest <see cref="PacketMagic"/>, in bytes of UTF-8. The wire carries its MD5, so that any length would do; the
    /// bound keeps each stored configuration below <see cref="ConfigFile.MaxLength"/>.
    /// </summary>
    public const int MaxPacketMagicLength = 65_536;

    /// <summary>Most <see cref="FlowTableSize"/>: 80 MiB of memory in each direction.</summary>
    public const int MaxFlowTableSize = 1_048_576;

    /// <summary><see cref="FlowTableSize"/> when the file names none: one for each port.</summary>
    public const int DefaultFlowTableSize = 65_536;

    /// <summary>Longest <see cref="TcpIdleTimeout"/> and <see cref="UdpIdleTimeout"/>, in seconds: a week.</summary>
    public const int MaxFlowTimeout = 604_800;

    /// <summary><see cref="TcpIdleTimeout"/> when the file names none, in seconds: a day.</summary>
    public const int DefaultTcpIdleTimeout = 86_400;

    /// <summary><see cref="UdpIdleTimeout"/> when the file names none, in seconds; the predecessor's fixed value.</summary>
    public const int DefaultUdpIdleTimeout = 300;

    /// <summary>Private IPv4 address of this end, and its network.</summary>
    public required InterfaceAddress TunnelAddress { get; init; }

    /// <summary>Without a host: server on that port. With one: client of that server.</summary>
    public required HostPort NetworkAddress { get; init; }

    /// <summary>TCP and UDP ports that may be reached through the tunnel, not empty.</summary>
    public required PortSet AllowedPorts { get; init; }

    /// <summary>
    /// Networks that packets from the peer may come from; empty for all. Never a host's own addresses, whatever stands
    /// here.
    /// </summary>
    public Ipv4NetworkList AllowedSources { get; init; } = [];

    /// <summary>Networks that packets from the peer may go to; empty for all.</summary>
    public Ipv4NetworkList AllowedDestinations { get; init; } = [];

    /// <summary>Name of the TUN device, 1 to 15 bytes; null lets the kernel choose.</summary>
    public string? TunnelDevice { get; init; }

    /// <summary>
    /// Time without outbound traffic after which the client sends a heartbeat: whole seconds, up to
    /// <see cref="MaxHeartbeatInterval"/>; zero is never.
    /// </summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(DefaultHeartbeatInterval);

    /// <summary>Both ends' shared word. A secret: only <see cref="Configuration.ToJson"/> shows it.</summary>
    public string PacketMagic { get; init; } = "";

    /// <summary>MTU of the TUN device in bytes, <see cref="MinMtu"/> to <see cref="MaxMtu"/>.</summary>
    public int Mtu { get; init; } = DefaultMtu;

    /// <summary>Whether an nftables table of our own also guards the device.</summary>
    public bool Firewall { get; init; }

    /// <summary>
    /// Whether the table of <see cref="Firewall"/> also lets packets pass that this host forwards. Without that table
    /// nothing of ours keeps a host that forwards from forwarding.
    /// </summary>
    public bool Forward { get; init; }

    /// <summary>
    /// Whether <see cref="TunnelAddress"/> may cover addresses that this host reaches otherwise: of other devices'
    /// networks, gateways, name servers.
    /// </summary>
    public bool Overlap { get; init; }

    /// <summary>
    /// Whether packets to a port that is not allowed, and those of a connection that is not remembered, are refused at once, with a TCP reset or an ICMP
    /// error; else they are dropped in silence, as the predecessor did.
    /// </summary>
    public bool Reject { get; init; }

    /// <summary>Flows that the port filter remembers for each direction, at most <see cref="MaxFlowTableSize"/>.</summary>
    public int FlowTableSize { get; init; } = DefaultFlowTableSize;

    /// <summary>
    /// Time after which an idle connection of TCP is forgotten: whole seconds, 1 to <see cref="MaxFlowTimeout"/>. One that is being opened or was closed is
    /// forgotten sooner.
    /// </summary>
    public TimeSpan TcpIdleTimeout { get; init; } = TimeSpan.FromSeconds(DefaultTcpIdleTimeout);

    /// <summary>
    /// Time after which an idle flow of UDP that was answered is forgotten: whole seconds, 1 to <see cref="MaxFlowTimeout"/>. One without an answer is
    /// forgotten after two minutes.
    /// </summary>
    public TimeSpan UdpIdleTimeout { get; init; } = TimeSpan.FromSeconds(DefaultUdpIdleTimeout);

    /// <summary>Whether offloads may be used.</summary>
    public OffloadMode Offload { get; init; }

    /// <summary>Whether this end waits for its peer (true) or calls it (false).</summary>
    public bool IsServer => NetworkAddress.Kind == HostKind.None;

    private protected override string KindName => "tunnel";

    private protected override void WriteFields(Utf8JsonWriter json)
    {
        json.WriteString(nameof(Name), Name);
        json.WriteString(nameof(TunnelAddress), TunnelAddress.ToString());
        json.WriteString(nameof(NetworkAddress), NetworkAddress.ToString());
        // Raw, to keep the list on one line.
        json.WritePropertyName(nameof(AllowedPorts));
        json.WriteRawValue(AllowedPorts.ToJsonArray());
        Write(json, nameof(AllowedSources), AllowedSources);
        Write(json, nameof(AllowedDestinations), AllowedDestinations);
        if (TunnelDevice is not null)
        {
            json.WriteString(nameof(TunnelDevice), TunnelDevice);
        }

        json.WriteNumber(nameof(HeartbeatInterval), (long)HeartbeatInterval.TotalSeconds);
        json.WriteString(nameof(PacketMagic), PacketMagic);
        json.WriteNumber(nameof(Mtu), Mtu);
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

        Write(json, nameof(FlowTableSize), FlowTableSize, DefaultFlowTableSize);
        Write(json, nameof(TcpIdleTimeout), (long)TcpIdleTimeout.TotalSeconds, DefaultTcpIdleTimeout);
        Write(json, nameof(UdpIdleTimeout), (long)UdpIdleTimeout.TotalSeconds, DefaultUdpIdleTimeout);
        json.WriteString(nameof(Offload), Choices.Text(Choices.Offload, Offload));
    }

    private static void Write(Utf8JsonWriter json, string field, long value, long usual)
    {
        if (value != usual)
        {
            json.WriteNumber(field, value);
        }
    }

    private static void Write(Utf8JsonWriter json, string field, Ipv4NetworkList networks)
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
