// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Texts, and short ways to read them.</summary>
internal static class Sample
{
    public const string Server = """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22]}""";

    public const string Client =
        """{"TunnelAddress": "10.0.0.2", "NetworkAddress": "example.com:8000", "AllowedPorts": [22]}""";

    public const string Receiver = """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353"}""";

    public const string Sender =
        """{"Relay": "sender", "UdpAddress": "dns.lan:53", "TcpAddress": "tunnel-server:5353"}""";

    public const string Key = "SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    public static ConfigResult Parse(string text) => ConfigFile.Parse(Encoding.UTF8.GetBytes(text), "config");

    /// <summary>The configuration of a text without any remark but the one upon a word that keeps nobody out.</summary>
    public static T Clean<T>(string text)
        where T : Configuration
    {
        var result = Parse(text);
        Assert.DoesNotContain(result.Diagnostics, d =>
            d.Severity == DiagnosticSeverity.Error || d.Field != "PacketMagic"
        );
        return Assert.IsType<T>(result.Configuration);
    }

    /// <summary>All remarks upon a text, each as a line.</summary>
    public static string[] Remarks(string text) => [.. Parse(text).Diagnostics.Select(d => d.Render("config.json"))];

    /// <summary>A server's file in which one field, on its own second line, has another value.</summary>
    public static string ServerWith(string field, string json)
    {
        var fields = new Dictionary<string, string>
        {
            ["TunnelAddress"] = "\"10.0.0.1\"",
            ["NetworkAddress"] = "\":8000\"",
            ["AllowedPorts"] = "[22]",
            ["PacketMagic"] = "\"w\"",
        };
        fields.Remove(field);
        return $"{{\n\"{field}\": {json},\n{string.Join(",\n", fields.Select(f => $"\"{f.Key}\": {f.Value}"))}}}";
    }
}
