// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Metrics;

/// <summary>
/// The metrics of the peers of secure tunnels, described in docs/metrics.md. There are as many as an administrator has
/// configured.
/// </summary>
internal static class PeerMetrics
{
    /// <summary>All families.</summary>
    public static IEnumerable<MetricFamily> Of(IReadOnlyList<TunnelStatus> tunnels)
    {
        var peers = tunnels.Where(t => t.Config.Protocol == TunnelProtocol.WireGuard).SelectMany(Labelled).ToList();
        yield return Gauge("connected", "1 if there is a session that carries packets.", p =>
            [Sample(p, p.Status.State == PeerState.Connected ? 1 : 0)]
        );
        yield return Gauge(
            "last_handshake_time_seconds",
            "When the last handshake was completed, in seconds since 1970.",
            p => p.Status.LastHandshake is { } time ? [Sample(p, time.ToUnixTimeMilliseconds() / 1000.0)] : []
        );
        yield return Gauge(
            "path_mtu_bytes",
            "Bytes of an IP packet that the path to the peer carries in one piece, once known.",
            p => p.Status.PathMtu > 0 ? [Sample(p, p.Status.PathMtu)] : []
        );
        yield return Counter("packets_total", "Inner packets to (out) and from (in) the peer.", p =>
            [Sample(p, p.Status.Traffic.PacketsOut, Out), Sample(p, p.Status.Traffic.PacketsIn, In)]
        );
        yield return Counter("bytes_total", "Bytes of the inner packets, from their IP header on.", p =>
            [Sample(p, p.Status.Traffic.BytesOut, Out), Sample(p, p.Status.Traffic.BytesIn, In)]
        );
        yield return Counter(
            "wire_bytes_total",
            "Bytes of datagrams, with the protocol's headers, handshakes and keepalives.",
            p => [Sample(p, p.Status.WireBytesOut, Out), Sample(p, p.Status.WireBytesIn, In)]
        );
        yield return Counter("handshakes_total", "Handshakes that made a session, and those that were given up.", p =>
            [
                Sample(p, p.Status.Handshakes, ("result", "made")),
                Sample(p, p.Status.HandshakesFailed, ("result", "failed")),
            ]
        );
        yield return Counter("keepalives_total", "Datagrams without a packet.", p =>
            [Sample(p, p.Status.KeepalivesOut, Out), Sample(p, p.Status.KeepalivesIn, In)]
        );
        yield return Counter("endpoint_moves_total", "How often the peer was found at another endpoint.", p =>
            [Sample(p, p.Status.EndpointMoves)]
        );
        yield return Counter("drops_total", "Packets and datagrams of the peer that were dropped, by reason.", p =>
            p.Status.Drops.Select(d => Sample(p, d.Packets, ("reason", MetricsText.Word(d.Reason))))
        );

        MetricFamily Gauge(string name, string help, Func<LabelledPeer, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_peer_{name}", MetricType.Gauge, help, peers.SelectMany(samples));

        MetricFamily Counter(string name, string help, Func<LabelledPeer, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_peer_{name}", MetricType.Counter, help, peers.SelectMany(samples));
    }

    private static (string Name, string Value) Out => ("direction", "out");

    private static (string Name, string Value) In => ("direction", "in");

    /// <summary>A name is its peer's alone, but it may also look like the beginning of another's key.</summary>
    private static IEnumerable<LabelledPeer> Labelled(TunnelStatus tunnel) =>
        tunnel
            .Peers.GroupBy(p => p.Name)
            .SelectMany(g =>
                g.Count() == 1
                    ? g.Select(p => new LabelledPeer(tunnel.Config.Name, p.Name, p))
                    : g.Select(p => new LabelledPeer(tunnel.Config.Name, p.PublicKey, p))
            );

    private static MetricSample Sample(LabelledPeer peer, double value, params (string Name, string Value)[] more) =>
        new(value, [("tunnel", peer.Tunnel), ("peer", peer.Label), .. more]);

    private sealed record LabelledPeer(string Tunnel, string Label, PeerStatus Status);
}
