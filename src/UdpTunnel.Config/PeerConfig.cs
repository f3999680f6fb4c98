// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>One other end of a tunnel of <see cref="TunnelProtocol.WireGuard"/>.</summary>
public sealed record PeerConfig
{
    /// <summary>Longest <see cref="PersistentKeepalive"/>, in seconds; <c>wg</c>'s.</summary>
    public const int MaxPersistentKeepalive = 65_535;

    /// <summary>
    /// Name for people, by the rules of <see cref="ConfigurationName"/>; null for none. No two peers have the same.
    /// </summary>
    public string? Name { get; init; }

    /// <summary>The peer's public key. No two peers have the same.</summary>
    public required PublicKey PublicKey { get; init; }

    /// <summary>A secret that both ends mix in; null for none.</summary>
    public SecretKey? PresharedKey { get; init; }

    /// <summary>
    /// Networks whose packets go to this peer and may come from it, without repetitions. Where those of several peers
    /// hold an address, the longest prefix counts; no two peers have the same network.
    /// </summary>
    public ValueList<IpPrefix> AllowedIPs { get; init; } = [];

    /// <summary>Where the peer is before it has been heard; with a host. Null waits for the peer.</summary>
    public HostPort? Endpoint { get; init; }

    /// <summary>
    /// Time after which something is sent to a silent peer: whole seconds, up to <see cref="MaxPersistentKeepalive"/>;
    /// zero is never.
    /// </summary>
    public TimeSpan PersistentKeepalive { get; init; }

    /// <summary>
    /// Ports that may be reached through the tunnel with this peer; null for the tunnel's. Not empty.
    /// </summary>
    public PortSet? AllowedPorts { get; init; }

    /// <summary>What a person sees: the name, else the beginning of the key.</summary>
    public string DisplayName => Name ?? PublicKey.ToShortText();

    /// <summary>Name or key only: a record's usual text is long, and logs need no more.</summary>
    /// <returns>For example <c>peer laptop</c>.</returns>
    public override string ToString() => $"peer {DisplayName}";

    internal void Write(Utf8JsonWriter json, bool showSecrets)
    {
        json.WriteStartObject();
        if (Name is not null)
        {
            json.WriteString(nameof(Name), Name);
        }

        json.WriteString(nameof(PublicKey), PublicKey.ToString());
        if (PresharedKey is not null)
        {
            json.WriteString(nameof(PresharedKey), showSecrets ? PresharedKey.Reveal() : SecretKey.Hidden);
        }

        json.WritePropertyName(nameof(AllowedIPs));
        JsonLine.WriteList(json, AllowedIPs);
        if (Endpoint is not null)
        {
            json.WriteString(nameof(Endpoint), Endpoint.ToString());
        }

        if (PersistentKeepalive > TimeSpan.Zero)
        {
            json.WriteNumber(nameof(PersistentKeepalive), (long)PersistentKeepalive.TotalSeconds);
        }

        if (AllowedPorts is not null)
        {
            json.WritePropertyName(nameof(AllowedPorts));
            AllowedPorts.Write(json, allAsWord: true);
        }

        json.WriteEndObject();
    }
}
