using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config.Fields;

/// <summary>All fields of the format, and how their names are recognised.</summary>
internal static class KnownFields
{
    public static readonly Field Name = new("Name", FileKinds.Tunnel | FileKinds.Relay);

    public static readonly Field TunnelAddress = new(
        "TunnelAddress", FileKinds.Tunnel, "the private IPv4 address of this end, such as \"10.0.0.1\"");

    public static readonly Field NetworkAddress = new(
        "NetworkAddress", FileKinds.Tunnel, "\":8000\" for a server, \"example.com:8000\" for a client");

    public static readonly Field AllowedPorts = new(
        "AllowedPorts", FileKinds.Tunnel, "a list of ports, such as [22, \"8000-8010\"]");

    public static readonly Field AllowedSources = new("AllowedSources", FileKinds.Tunnel);
    public static readonly Field AllowedDestinations = new("AllowedDestinations", FileKinds.Tunnel);
    public static readonly Field TunnelDevice = new("TunnelDevice", FileKinds.Tunnel);
    public static readonly Field HeartbeatInterval = new("HeartbeatInterval", FileKinds.Tunnel);
    public static readonly Field PacketMagic = new("PacketMagic", FileKinds.Tunnel, IsSecret: true);
    public static readonly Field TunnelPeerAddress = new("TunnelPeerAddress", FileKinds.Tunnel);
    public static readonly Field LogFile = new("LogFile", FileKinds.Tunnel);
    public static readonly Field Mtu = new("Mtu", FileKinds.Tunnel);
    public static readonly Field Firewall = new("Firewall", FileKinds.Tunnel);
    public static readonly Field Forward = new("Forward", FileKinds.Tunnel);
    public static readonly Field Overlap = new("Overlap", FileKinds.Tunnel);
    public static readonly Field Offload = new("Offload", FileKinds.Tunnel);

    public static readonly Field Reject = new("Reject", FileKinds.Tunnel);
    public static readonly Field FlowTableSize = new("FlowTableSize", FileKinds.Tunnel);
    public static readonly Field TcpIdleTimeout = new("TcpIdleTimeout", FileKinds.Tunnel);
    public static readonly Field UdpIdleTimeout = new("UdpIdleTimeout", FileKinds.Tunnel);

    public static readonly Field Relay = new("Relay", FileKinds.Relay, "\"receiver\" or \"sender\"");

    public static readonly Field UdpAddress = new(
        "UdpAddress", FileKinds.Relay, "\":53\" for a receiver, \"service:53\" for a sender");

    public static readonly Field TcpAddress = new(
        "TcpAddress", FileKinds.Relay, "\":5353\" for a receiver, \"receiver:5353\" for a sender");

    public static readonly Field Protocol = new("Protocol", FileKinds.Relay);
    public static readonly Field IdleTimeout = new("IdleTimeout", FileKinds.Relay);
    public static readonly Field MaxFlows = new("MaxFlows", FileKinds.Relay);
    public static readonly Field ReceiverKey = new("ReceiverKey", FileKinds.Relay);

    /// <summary>All of them, in the order in which messages list them.</summary>
    public static readonly Field[] All =
    [
        Name, TunnelAddress, NetworkAddress, AllowedPorts, AllowedSources, AllowedDestinations, TunnelDevice,
        HeartbeatInterval, PacketMagic, Mtu, Firewall, Forward, Overlap, Offload, TunnelPeerAddress, LogFile,
        Reject, FlowTableSize, TcpIdleTimeout, UdpIdleTimeout, Relay, UdpAddress, TcpAddress, Protocol, IdleTimeout,
        MaxFlows, ReceiverKey,
    ];

    private static readonly Dictionary<string, Field> ByFoldedName = All.ToDictionary(f => Fold(f.Name));

    /// <summary>The field that a name means; case does not matter.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out Field? field) =>
        ByFoldedName.TryGetValue(Fold(name), out field);

    /// <summary>The fields of one kind of file.</summary>
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
