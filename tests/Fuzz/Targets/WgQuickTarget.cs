// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Config.WgQuick;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// wg-quick files, which strangers send to each other: no text throws; there is a tunnel or a mistake with a place in
/// the text; and what such a file can say is the same after it is written and read again.
/// </summary>
internal sealed class WgQuickTarget : IFuzzTarget
{
    private const string Key = "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=";
    private const string Peer = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=";

    /// <inheritdoc/>
    public string Name => "wg-quick";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        AllTargets.Words(
            "[Interface]\n",
            "[Peer]\n",
            "PrivateKey = ",
            "Address = ",
            "ListenPort = ",
            "MTU = ",
            "Table = ",
            "FwMark = ",
            "DNS = ",
            "AllowedPorts = ",
            "PublicKey = ",
            "PresharedKey = ",
            "AllowedIPs = ",
            "Endpoint = ",
            "PersistentKeepalive = ",
            "PostUp = ",
            "SaveConfig = ",
            Key,
            Peer,
            "10.99.0.1/24",
            "fd00::1/64",
            "0.0.0.0/0",
            "::/0",
            "vpn.example.com:51820",
            "[2001:db8::1]:51820",
            "off",
            "auto",
            "0xca6c",
            "51820",
            "25",
            "22, 8000-8010",
            "all",
            ",",
            "=",
            "#",
            "\n",
            "\r\n",
            "\t",
            "\0",
            "\u00e9",
            "\ufeff",
            "4294967296",
            "-1",
            "/",
            "(hidden)"
        );

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        AllTargets.Words(
            $"[Interface]\nAddress = 10.99.0.1/24, fd00::1/64\nListenPort = 51820\nPrivateKey = {Key}\nMTU = 1380\nTable "
                + "= 200\nFwMark = 0xca6c\n",
            $"# client\n[Interface]\r\nPrivateKey={Key}\r\nAddress=10.99.0.2\r\nDNS = 10.99.0.53, lan\r\nTable = "
                + "off\r\nAllowedPorts = 22, 8000-8010\r\n\r\n"
                + $"[Peer]\r\nPublicKey={Peer}\r\nPresharedKey = {Key}\r\nAllowedIPs = 0.0.0.0/0, ::/0\r\nEndpoint = [2001:db8::1]:51820\r\nPersistentKeepalive = 25\r\n",
            $"[Interface]\n[peer]\npublickey = {Peer}\nallowedips = 10.99.0.2/24\nallowedips = 10.99.0.2/24, "
                + "fd00::/7\nAllowedPorts = all\npersistentkeepalive = off\n",
            $"[Interface]\n[Peer]\nPublicKey = {Peer}\nAllowedIPs = 10.0.0.0/8\n[Peer]\nPublicKey = {Peer}\nAllowedIPs = "
                + "10.0.0.0/8, 10.1.0.0/16\n",
            "[Interface]\nPreUp = a\nPostUp = b\nPreDown = c\nPostDown = d\nSaveConfig = true\nJc = "
                + "4\nnonsense\n[Other]\nx = y\n",
            "PrivateKey = x\n"
        );

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        var result = ConfigFile.Parse(input, "wg0");
        Assert.Equal(result.Configuration is null, result.Diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error));
        foreach (var diagnostic in result.Diagnostics)
        {
            Assert.InRange(diagnostic.Column, 0, input.Length + 1);
            Assert.DoesNotContain(diagnostic.Render("file"), c => char.IsControl(c));
        }

        if (!WgQuickLine.IsMeant(input) || result.Configuration is not TunnelConfig config)
        {
            return;
        }

        Assert.Equal(TunnelProtocol.WireGuard, config.Protocol);
        var again = ConfigFile.Parse(Encoding.UTF8.GetBytes(config.ToJson()), "another");
        Assert.Equal(config, again.Configuration);
        var written = WgQuickWriter
            .Write(config, showSecrets: true)
            .Replace("# AllowedPorts", "AllowedPorts", StringComparison.Ordinal);
        Assert.Equal(Normal(config), ConfigFile.Parse(Encoding.UTF8.GetBytes(written), "wg0").Configuration);
    }

    /// <inheritdoc/>
    public void Dispose() { }

    /// <summary>Without a table that has no effect, which is not written.</summary>
    private static TunnelConfig Normal(TunnelConfig config) =>
        config.Routes == RouteMode.Off ? config with { RouteTable = null } : config;
}
