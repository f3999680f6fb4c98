// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.Config.WgQuick;

/// <summary>Writes a tunnel of <see cref="TunnelProtocol.WireGuard"/> as a wg-quick file.</summary>
public static class WgQuickWriter
{
    /// <summary>
    /// The tunnel as wg-quick(8) and <see cref="ConfigFile"/> read it. What such a file cannot say is a comment.
    /// </summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="showSecrets">Whether keys are in it; else <see cref="SecretKey.Hidden"/> stands for them.</param>
    /// <returns>The text, lines ended by a line feed.</returns>
    /// <exception cref="ArgumentException">It is a tunnel of another protocol.</exception>
    public static string Write(TunnelConfig tunnel, bool showSecrets)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        if (tunnel.Protocol != TunnelProtocol.WireGuard)
        {
            throw new ArgumentException("Only a tunnel of WireGuard's protocol has such a file.", nameof(tunnel));
        }

        var text = new StringBuilder();
        Line(text, $"# {tunnel.Name}");
        Line(text, "[Interface]");
        Key(text, "PrivateKey", tunnel.PrivateKey, showSecrets);
        List(text, "Address", tunnel.TunnelAddresses);
        if (tunnel.NetworkAddress != HostPort.AnyPort)
        {
            Line(text, $"ListenPort = {tunnel.NetworkAddress.Port}");
        }

        if (tunnel.Mtu != TunnelConfig.AutoMtu)
        {
            Line(text, $"MTU = {tunnel.Mtu}");
        }

        if (tunnel.Routes == RouteMode.Off)
        {
            Line(text, "Table = off");
        }
        else if (tunnel.RouteTable is { } table)
        {
            Line(text, $"Table = {table}");
        }

        if (tunnel.FirewallMark != 0)
        {
            Line(text, $"FwMark = 0x{tunnel.FirewallMark:x}");
        }

        if (!tunnel.AllowedPorts.IsAll)
        {
            Ports(text, tunnel.AllowedPorts);
        }

        foreach (var peer in tunnel.Peers)
        {
            Write(text, peer, showSecrets);
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, PeerConfig peer, bool showSecrets)
    {
        text.Append('\n');
        if (peer.Name is not null)
        {
            Line(text, $"# {peer.Name}");
        }

        Line(text, "[Peer]");
        Line(text, $"PublicKey = {peer.PublicKey}");
        Key(text, "PresharedKey", peer.PresharedKey, showSecrets);
        List(text, "AllowedIPs", peer.AllowedIPs);
        if (peer.Endpoint is not null)
        {
            Line(text, $"Endpoint = {peer.Endpoint}");
        }

        if (peer.PersistentKeepalive > TimeSpan.Zero)
        {
            Line(text, $"PersistentKeepalive = {(long)peer.PersistentKeepalive.TotalSeconds}");
        }

        if (peer.AllowedPorts is not null)
        {
            Ports(text, peer.AllowedPorts);
        }
    }

    private static void Key(StringBuilder text, string key, SecretKey? secret, bool showSecrets)
    {
        if (secret is not null)
        {
            Line(text, $"{key} = {(showSecrets ? secret.Reveal() : SecretKey.Hidden)}");
        }
    }

    private static void List<T>(StringBuilder text, string key, ValueList<T> items)
        where T : IEquatable<T>
    {
        if (items.Count > 0)
        {
            Line(text, $"{key} = {items}");
        }
    }

    private static void Ports(StringBuilder text, PortSet ports)
    {
        Line(text, "# Without the '#', udptunnelctl reads the next line; other programs refuse it.");
        Line(text, $"# AllowedPorts = {ports}");
    }

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
