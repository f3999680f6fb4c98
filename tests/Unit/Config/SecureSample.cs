// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>
/// Keys and files of secure tunnels. The pairs of keys were made by <c>wg genkey</c> and <c>wg pubkey</c>.
/// </summary>
internal static class SecureSample
{
    public const string Private = "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=";
    public const string Public = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=";
    public const string Laptop = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=";
    public const string Phone = "RsR3QXga8j2BxYMPuujYP4pw+Uo0wgaxEOgiTsjK138=";

    /// <summary>The shortest server that has peers.</summary>
    public const string Server = $$"""
        {
          "Protocol": "wireguard",
          "TunnelAddress": "10.99.0.1/24",
          "NetworkAddress": ":51820",
          "AllowedPorts": [22],
          "PrivateKey": "{{Private}}",
          "Peers": [
            {"Name": "laptop", "PublicKey": "{{Laptop}}", "AllowedIPs": ["10.99.0.2/32"]},
            {"Name": "phone", "PublicKey": "{{Phone}}", "AllowedIPs": ["10.99.0.3/32", "fd00::3/128"]},
          ],
        }
        """;

    /// <summary>A file in which one field, on its own second line, has another value.</summary>
    public static string With(string field, string json)
    {
        var fields = new Dictionary<string, string>
        {
            ["Protocol"] = "\"wireguard\"",
            ["TunnelAddress"] = "\"10.99.0.1/24\"",
            ["AllowedPorts"] = "[22]",
        };
        fields.Remove(field);
        return $"{{\n\"{field}\": {json},\n{string.Join(",\n", fields.Select(f => $"\"{f.Key}\": {f.Value}"))}}}";
    }

    /// <summary>
    /// A file with a peer, on its own second line, in which one field, at the beginning, has another value.
    /// </summary>
    public static string WithPeer(string field, string json)
    {
        var fields = new Dictionary<string, string>
        {
            ["PublicKey"] = $"\"{Laptop}\"",
            ["AllowedIPs"] = "[\"10.99.0.2/32\"]",
        };
        fields.Remove(field);
        return With(
            "Peers",
            $"[{{\"{field}\": {json}, {string.Join(", ", fields.Select(f => $"\"{f.Key}\": {f.Value}"))}}}]"
        );
    }

    /// <summary>What a program with X25519 at hand would compute.</summary>
    public static PublicKey PublicKeyOf(SecretKey key) =>
        key.Reveal() == Private && PublicKey.TryParse(Public, out var known) ? known : new PublicKey(key.Bytes);
}
