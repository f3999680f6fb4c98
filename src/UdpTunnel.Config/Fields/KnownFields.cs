// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config.Fields;

/// <summary>All fields of the format, and how their names are recognised.</summary>
internal static class KnownFields
{
    public static readonly Field Name = new("Name", FileKinds.Tunnel | FileKinds.Relay | FileKinds.Peer);

    /// <summary>Of a tunnel without it that is plainly none of the classic protocol, only this is said.</summary>
    public static readonly Field Protocol = new("Protocol", FileKinds.Tunnel | FileKinds.Relay)
    {
        RequiredByWireGuard = "\"wireguard\", for a tunnel that has fields of that protocol",
    };

    public static readonly Field TunnelAddress = new(
        "TunnelAddress",
        FileKinds.Tunnel,
        "the private IPv4 address of this end, such as \"10.0.0.1\""
    )
    {
        RequiredByWireGuard = "the private addresses of this end, such as \"10.99.0.1/24\"; [] for none",
    };

    public static readonly Field NetworkAddress = new(
        "NetworkAddress",
        FileKinds.Tunnel,
        "\":8000\" for a server, \"example.com:8000\" for a client"
    )
    {
        RequiredByWireGuard = null,
    };

    public static readonly Field AllowedPorts = new(
        "AllowedPorts",
        FileKinds.Tunnel | FileKinds.Peer,
        "a list of ports, such as [22, \"8000-8010\"]"
    )
    {
        RequiredByWireGuard = "a list of ports, such as [22, \"8000-8010\"], or \"all\"",
    };

    public static readonly Field AllowedSources = new("AllowedSources", FileKinds.Classic)
    {
        WireGuardHas = "the AllowedIPs of a peer say where it may send from",
    };
    public static readonly Field AllowedDestinations = new("AllowedDestinations", FileKinds.Classic)
    {
        WireGuardHas = "\"Firewall\": true keeps its peers to this host",
    };
    public static readonly Field TunnelDevice = new("TunnelDevice", FileKinds.Tunnel);
    public static readonly Field HeartbeatInterval = new("HeartbeatInterval", FileKinds.Classic);
    public static readonly Field PacketMagic = new("PacketMagic", FileKinds.Classic, IsSecret: true);
    public static readonly Field TunnelPeerAddress = new("TunnelPeerAddress", FileKinds.Classic);
    public static readonly Field LogFile = new("LogFile", FileKinds.Classic);
    public static readonly Field Mtu = new("Mtu", FileKinds.Tunnel);
    public static readonly Field Firewall = new("Firewall", FileKinds.Tunnel);
    public static readonly Field Forward = new("Forward", FileKinds.Tunnel);
    public static readonly Field Overlap = new("Overlap", FileKinds.Tunnel);
    public static readonly Field Offload = new("Offload", FileKinds.Tunnel);
    public static readonly Field BindAddress = new("BindAddress", FileKinds.Tunnel);
    public static readonly Field BindDevice = new("BindDevice", FileKinds.Tunnel);
    public static readonly Field Dscp = new("Dscp", FileKinds.Tunnel);

    public static readonly Field Reject = new("Reject", FileKinds.Tunnel);
    public static readonly Field FlowTableSize = new("FlowTableSize", FileKinds.Tunnel);
    public static readonly Field TcpIdleTimeout = new("TcpIdleTimeout", FileKinds.Tunnel);
    public static readonly Field UdpIdleTimeout = new("UdpIdleTimeout", FileKinds.Tunnel);

    public static readonly Field PrivateKey = new("PrivateKey", FileKinds.WireGuard, IsSecret: true);
    public static readonly Field Peers = new("Peers", FileKinds.WireGuard);
    public static readonly Field UnknownPeers = new("UnknownPeers", FileKinds.WireGuard);
    public static readonly Field Routes = new("Routes", FileKinds.Tunnel);
    public static readonly Field RouteTable = new("RouteTable", FileKinds.WireGuard);
    public static readonly Field FirewallMark = new("FirewallMark", FileKinds.Tunnel);

    public static readonly Field PublicKey = new(
        "PublicKey",
        FileKinds.Peer,
        "the peer's key, as `wg pubkey` prints it"
    );
    public static readonly Field PresharedKey = new("PresharedKey", FileKinds.Peer, IsSecret: true);
    public static readonly Field AllowedIPs = new("AllowedIPs", FileKinds.Peer);
    public static readonly Field Endpoint = new("Endpoint", FileKinds.Peer);
    public static readonly Field PersistentKeepalive = new("PersistentKeepalive", FileKinds.Peer);

    public static readonly Field Relay = new("Relay", FileKinds.Relay, "\"receiver\" or \"sender\"");

    public static readonly Field UdpAddress = new(
        "UdpAddress",
        FileKinds.Relay,
        "\":53\" for a receiver, \"service:53\" for a sender"
    );

    public static readonly Field TcpAddress = new(
        "TcpAddress",
        FileKinds.Relay,
        "\":5353\" for a receiver, \"receiver:5353\" for a sender"
    );

    public static readonly Field IdleTimeout = new("IdleTimeout", FileKinds.Relay);
    public static readonly Field MaxFlows = new("MaxFlows", FileKinds.Relay);
    public static readonly Field ReceiverKey = new("ReceiverKey", FileKinds.Relay);
    public static readonly Field ProxyProtocol = new("ProxyProtocol", FileKinds.Relay);

    public static readonly Field AnswersFrom = new("AnswersFrom", FileKinds.Relay);
    public static readonly Field AllowedClients = new("AllowedClients", FileKinds.Relay);
    public static readonly Field ClientFlowRate = new("ClientFlowRate", FileKinds.Relay);
    public static readonly Field ClientByteRate = new("ClientByteRate", FileKinds.Relay);

    /// <summary>All of them, in the order in which messages list them.</summary>
    public static readonly Field[] All =
    [
        Name,
        Protocol,
        TunnelAddress,
        NetworkAddress,
        AllowedPorts,
        AllowedSources,
        AllowedDestinations,
        TunnelDevice,
        HeartbeatInterval,
        PacketMagic,
        Mtu,
        Firewall,
        Forward,
        Overlap,
        Offload,
        BindAddress,
        BindDevice,
        Dscp,
        PrivateKey,
        Peers,
        UnknownPeers,
        Routes,
        RouteTable,
        FirewallMark,
        TunnelPeerAddress,
        LogFile,
        Reject,
        FlowTableSize,
        TcpIdleTimeout,
        UdpIdleTimeout,
        Relay,
        UdpAddress,
        TcpAddress,
        IdleTimeout,
        MaxFlows,
        ReceiverKey,
        AnswersFrom,
        AllowedClients,
        ClientFlowRate,
        ClientByteRate,
        ProxyProtocol,
        PublicKey,
        PresharedKey,
        AllowedIPs,
        Endpoint,
        PersistentKeepalive,
    ];

    private static readonly Dictionary<string, Field> ByFoldedName = All.ToDictionary(f => Fold(f.Name));

    /// <summary>The field that a name means; case does not matter.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out Field? field) =>
        ByFoldedName.TryGetValue(Fold(name), out field);

    /// <summary>The fields of one kind of object.</summary>
    public static IEnumerable<Field> Of(FileKinds kind) => All.Where(f => (f.Kinds & kind) != 0);

    /// <summary>
    /// A name without regard to case, as the predecessor's decoder (Go's encoding/json) compares them: ASCII letters,
    /// and the two other characters that Unicode folds to ASCII letters, U+017F (s) and U+212A (k).
    /// </summary>
    public static string Fold(string name) => string.Create(name.Length, name, static (folded, name) =>
        {
            for (var i = 0; i < folded.Length; i++)
            {
                folded[i] = name[i] switch
                {
                    '\u017F' => 's',
                    '\u212A' => 'k',
                    var c when char.IsAsciiLetterUpper(c) => (char)(c | 0x20),
                    var c => c,
                };
            }
        });
}
