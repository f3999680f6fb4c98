// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Config;

/// <summary>The peers in which two configurations differ: a change for each, found by its key.</summary>
internal static class PeerDiff
{
    /// <summary>Most peers that are named.</summary>
    private const int MaxNamed = 100;

    private const string None = "(none)";

    /// <summary>
    /// The changes, all of which are applied while packets flow; empty exactly when the lists are equal.
    /// </summary>
    public static IEnumerable<FieldChange> Between(ValueList<PeerConfig> before, ValueList<PeerConfig> after)
    {
        if (before.Equals(after))
        {
            return [];
        }

        var old = before.ToDictionary(p => p.PublicKey);
        var now = after.ToDictionary(p => p.PublicKey);
        List<FieldChange> changes =
        [
            .. before.Where(p => !now.ContainsKey(p.PublicKey)).Select(p => Change(p, Describe(p), None)),
            .. after
                .Select(p => (Before: old.GetValueOrDefault(p.PublicKey), After: p))
                .Where(p => p.After != p.Before)
                .Select(p => ChangeOf(p.Before, p.After)),
        ];
        return changes.Count switch
        {
            0 => [new FieldChange(nameof(TunnelConfig.Peers), "one order", "another order", ChangeEffect.Live)],
            <= MaxNamed => changes,
            _ => [.. changes.Take(MaxNamed), Rest(before.Count, after.Count, changes.Count - MaxNamed)],
        };
    }

    private static FieldChange Rest(int before, int after, int notNamed) =>
        new(
            nameof(TunnelConfig.Peers),
            string.Create(CultureInfo.InvariantCulture, $"{before} peers"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"{after} peers; {notNamed} more of them are new, gone or changed"
            ),
            ChangeEffect.Live
        );

    private static FieldChange ChangeOf(PeerConfig? before, PeerConfig after)
    {
        if (before is null)
        {
            return Change(after, None, Describe(after));
        }

        // Only the fields in which they differ. A secret that changed shows neither way.
        var was = new List<string>();
        var becomes = new List<string>();
        foreach (var (old, now) in Fields(before).Zip(Fields(after)))
        {
            if (old != now)
            {
                was.Add(old);
                becomes.Add(now);
            }
        }

        if (!Equals(before.PresharedKey, after.PresharedKey))
        {
            was.Add($"PresharedKey {Secret(before.PresharedKey)}");
            becomes.Add($"PresharedKey {Secret(after.PresharedKey)}");
        }

        return Change(after, string.Join("; ", was), string.Join("; ", becomes));
    }

    private static FieldChange Change(PeerConfig peer, string before, string after) =>
        new($"{nameof(TunnelConfig.Peers)}[{peer.DisplayName}]", before, after, ChangeEffect.Live);

    private static string Describe(PeerConfig peer) => $"key {peer.PublicKey}; AllowedIPs {Networks(peer)}";

    private static string[] Fields(PeerConfig peer) =>
        [
            $"Name {peer.Name ?? None}",
            $"AllowedIPs {Networks(peer)}",
            $"Endpoint {peer.Endpoint?.ToString() ?? None}",
            $"PersistentKeepalive {Keepalive(peer)}",
            $"AllowedPorts {peer.AllowedPorts?.ToString() ?? "(the tunnel's)"}",
        ];

    private static string Keepalive(PeerConfig peer) =>
        peer.PersistentKeepalive == TimeSpan.Zero ? "never" : $"{(long)peer.PersistentKeepalive.TotalSeconds} s";

    private static string Networks(PeerConfig peer) => peer.AllowedIPs.Count > 0 ? peer.AllowedIPs.ToString() : None;

    private static string Secret(SecretKey? key) => key?.ToString() ?? None;
}
