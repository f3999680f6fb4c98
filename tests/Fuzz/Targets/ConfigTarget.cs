// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Configuration files, which are also the state's: no text throws; there is a configuration or a mistake with a place
/// in the text; nothing that would drive a terminal is shown; and a configuration that is written is read as the same.
/// </summary>
internal sealed class ConfigTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "config";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        AllTargets.Words(
            "\"TunnelAddress\"",
            "\"NetworkAddress\"",
            "\"AllowedPorts\"",
            "\"TunnelDevice\"",
            "\"HeartbeatInterval\"",
            "\"PacketMagic\"",
            "\"Mtu\"",
            "\"Firewall\"",
            "\"Offload\"",
            "\"Name\"",
            "\"Relay\"",
            "\"UdpAddress\"",
            "\"TcpAddress\"",
            "\"Protocol\"",
            "\"IdleTimeout\"",
            "\"MaxFlows\"",
            "\"ReceiverKey\"",
            "\"AnswersFrom\"",
            "\"any-port\"",
            "\"AllowedClients\"",
            "\"ClientFlowRate\"",
            "\"ClientByteRate\"",
            "\"TunnelPeerAddress\"",
            "\"LogFile\"",
            "\"ProxyProtocol\"",
            "\"v2-every\"",
            "\":1-1024\"",
            "\"53=a:5353\"",
            "\"auto\"",
            "\"off\"",
            "\"sender\"",
            "\"receiver\"",
            "\"classic\"",
            "\"tls\"",
            "\"8000-8010\"",
            "\":53\"",
            "\"[::1]:53\"",
            "\"10.0.0.1/24\"",
            "65535",
            "65536",
            "\"wireguard\"",
            "\"Peers\"",
            "\"PublicKey\"",
            "\"PresharedKey\"",
            "\"PrivateKey\"",
            "\"AllowedIPs\"",
            "\"Endpoint\"",
            "\"PersistentKeepalive\"",
            "\"Routes\"",
            "\"BindAddress\"",
            "\"BindDevice\"",
            "\"Dscp\"",
            "\"[fe80::1%eth0]:4500\"",
            "\"RouteTable\"",
            "\"FirewallMark\"",
            "\"UnknownPeers\"",
            "\"ignore\"",
            "\"all\"",
            "\"fd00::1/64\"",
            "\"0.0.0.0/0\"",
            "\"rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=\"",
            "-1",
            "1e9",
            "0.5",
            "true",
            "null",
            "//",
            "/*",
            "*/",
            ",",
            ":",
            "{",
            "}",
            "[",
            "]",
            "\\u0000",
            "\\ud800",
            "\u00e9",
            "\ufeff",
            "\n",
            "SHA256:"
        );

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        AllTargets.Words(
            """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22, "8000-8010"]}""",
            """
            {
                // a client
                "TunnelAddress": "10.0.0.2/30", "NetworkAddress": "[2001:db8::1]:8000", "AllowedPorts": [1, "2-3", 65535,],
                "TunnelDevice": "tun5", "HeartbeatInterval": 5, "PacketMagic": "w\u00f6rd \n", "Mtu": 1280, "Firewall": true, "Offload": "off",
                "Name": "hotspot", "TunnelPeerAddress": "10.0.0.1", "LogFile": "/tmp/x",
            }
            """,
            """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "Protocol": "classic", "MaxFlows": 10}""",
            """
            {"Relay": "sender", "UdpAddress": "dns.lan:53", "TcpAddress": "192.0.2.1:5353", "IdleTimeout": 30, /* pinned */
             "ReceiverKey": "SHA256:+6e91jN1S0RqDffyBK4WNCrQGhKzWJJFr7PBvDqCBqo="}
            """,
            """
            {"Protocol": "wireguard", "TunnelAddress": ["10.99.0.1/24", "fd00::1/64"], "NetworkAddress": ":51820", "AllowedPorts": "all", "Routes": "off",
             "PrivateKey": "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=", "UnknownPeers": "ignore", "RouteTable": 7, "FirewallMark": 51820, "Peers": [
              {"Name": "a", "PublicKey": "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=", "AllowedIPs": ["10.99.0.0/25", "::/0"], "AllowedPorts": [22]},
              {"PublicKey": "RsR3QXga8j2BxYMPuujYP4pw+Uo0wgaxEOgiTsjK138=", "PresharedKey": "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=",
               "AllowedIPs": ["10.99.0.2/32"], "Endpoint": "vpn.example.com:51820", "PersistentKeepalive": 25}]}
            """,
            """
            {"Relay": "sender", "UdpAddress": ["game.lan:27015-27030", "53=dns.lan:5353", "60-61=[::1]:70-71"], "TcpAddress": "a:1",
             "ProxyProtocol": "v2"}
            """,
            """{"TunnelAdress": 5, "AllowedPorts": [70000, "9-1"], "Mtu": 1}""",
            "[[[[1,2],3],4]"
        );

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        var result = ConfigFile.Parse(input, "name");
        Assert.Equal(result.Configuration is null, result.Diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error));
        var lines = input.Count((byte)'\n') + input.Count((byte)'\r') + 1;
        foreach (var diagnostic in result.Diagnostics)
        {
            Assert.InRange(diagnostic.Line, 0, lines);
            Assert.InRange(diagnostic.Column, 0, input.Length + 1);
            Assert.NotEmpty(diagnostic.Message);
            Assert.DoesNotContain(diagnostic.Render("file"), c => char.IsControl(c));
        }

        if (result.Configuration is { } configuration)
        {
            var again = ConfigFile.Parse(Encoding.UTF8.GetBytes(configuration.ToJson()), "another");
            Assert.DoesNotContain(again.Diagnostics, d => d.Severity == DiagnosticSeverity.Error);
            Assert.Equal(configuration, again.Configuration);
        }
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
