// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>What the peer of a tunnel reaches behind this end.</summary>
public static class PeerReach
{
    /// <summary>Whether the file keeps a peer that nobody knows from hosts behind this one.</summary>
    /// <param name="config">The tunnel.</param>
    /// <returns>
    /// True if it says which destinations are allowed, or that nothing is forwarded, or which keys peers have.
    /// </returns>
    public static bool IsLimited(TunnelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Protocol == TunnelProtocol.WireGuard
            || config.AllowedDestinations.Count > 0
            || (config.Firewall && !config.Forward);
    }

    /// <summary>A remark upon a tunnel of a host that forwards packets (<c>net.ipv4.ip_forward</c>).</summary>
    /// <param name="config">The tunnel.</param>
    /// <returns>Null if the file limits what the peer reaches, or if all peers are known by their keys.</returns>
    public static Diagnostic? RemarkWhereForwarding(TunnelConfig config) =>
        IsLimited(config)
            ? null
            : new Diagnostic(
                DiagnosticSeverity.Warning,
                0,
                0,
                nameof(config.AllowedDestinations),
                TextWhereForwarding(config)
            );

    /// <summary>The same as a sentence.</summary>
    /// <param name="config">The tunnel.</param>
    /// <returns>What the peer reaches, and what to write.</returns>
    public static string TextWhereForwarding(TunnelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return $"is not given and this host forwards packets (net.ipv4.ip_forward): the peer reaches the allowed ports "
            + $"of every host that this host reaches (for this host alone: [\"{config.TunnelAddress.Address}\"])";
    }
}
