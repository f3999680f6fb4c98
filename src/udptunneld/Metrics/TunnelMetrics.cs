// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Metrics;

/// <summary>The metrics of the tunnels, described in docs/metrics.md.</summary>
internal static class TunnelMetrics
{
    /// <summary>All families.</summary>
    public static IEnumerable<MetricFamily> Of(IReadOnlyList<TunnelStatus> tunnels)
    {
        yield return Gauge("state", "1 for the state that the tunnel is in, 0 for the others.", t =>
            Enum.GetValues<TunnelState>().Select(s => Sample(t, t.State == s ? 1 : 0, ("state", MetricsText.Word(s))))
        );
        yield return Gauge("info", "Always 1.", t => [Sample(t, 1, ("mode", Mode(t)), ("device", t.Device))]);
        yield return Gauge("start_time_seconds", "When the tunnel started, in seconds since 1970.", t =>
            Time(t, t.Started)
        );
        yield return Gauge("last_heard_time_seconds", "When the peer was last heard, in seconds since 1970.", t =>
            Time(t, t.LastHeard)
        );
        yield return Gauge("mtu_bytes", "MTU of the TUN device.", t => [Sample(t, t.Mtu)]);
        yield return Gauge(
            "path_mtu_bytes",
            "Of classic tunnels: bytes of an IP packet that the path to the peer carries in one piece, once known.",
            t =>
                t.Config.Protocol == TunnelProtocol.Classic && t.Peers is [{ PathMtu: > 0 and var path }, ..]
                    ? [Sample(t, path)]
                    : []
        );
        yield return Gauge("flows", "Flows that the port filter remembers.", t => [Sample(t, t.Flows)]);
        yield return Gauge("peers", "Peers that are configured; of a classic tunnel none.", t =>
            [Sample(t, t.Config.Peers.Count)]
        );
        yield return Gauge("offload_enabled", "1 if the kernel does this for the tunnel.", t =>
            [
                Sample(t, t.TunOffloads.HasFlag(TunOffloads.Tcp) ? 1 : 0, ("offload", "tun_tcp")),
                Sample(t, t.TunOffloads.HasFlag(TunOffloads.Udp) ? 1 : 0, ("offload", "tun_udp")),
                Sample(t, t.UdpSegments ? 1 : 0, ("offload", "udp_segment")),
                Sample(t, t.UdpMerges ? 1 : 0, ("offload", "udp_gro")),
            ]
        );
        yield return Counter("packets_total", "Inner packets to (out) and from (in) the peer.", t =>
            [Sample(t, t.Totals.PacketsOut, Out), Sample(t, t.Totals.PacketsIn, In)]
        );
        yield return Counter("bytes_total", "Bytes of the inner packets, from their IP header on.", t =>
            [Sample(t, t.Totals.BytesOut, Out), Sample(t, t.Totals.BytesIn, In)]
        );
        yield return Counter("heartbeats_total", "Datagrams without a packet.", t =>
            [Sample(t, t.HeartbeatsOut, Out), Sample(t, t.HeartbeatsIn, In)]
        );
        yield return Counter("peer_changes_total", "How often another endpoint became the peer.", t =>
            [Sample(t, t.PeerChanges)]
        );

        MetricFamily Gauge(string name, string help, Func<TunnelStatus, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_tunnel_{name}", MetricType.Gauge, help, tunnels.SelectMany(samples));

        MetricFamily Counter(string name, string help, Func<TunnelStatus, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_tunnel_{name}", MetricType.Counter, help, tunnels.SelectMany(samples));
    }

    private static string Mode(TunnelStatus tunnel) =>
        tunnel.Config.Protocol == TunnelProtocol.WireGuard ? "peer"
        : tunnel.Config.IsServer ? "server"
        : "client";

    private static (string Name, string Value) Out => ("direction", "out");

    private static (string Name, string Value) In => ("direction", "in");

    private static MetricSample Sample(TunnelStatus tunnel, double value, params (string Name, string Value)[] more) =>
        new(value, [("tunnel", tunnel.Config.Name), .. more]);

    private static IEnumerable<MetricSample> Time(TunnelStatus tunnel, DateTimeOffset? time) =>
        time is { } known ? [Sample(tunnel, known.ToUnixTimeMilliseconds() / 1000.0)] : [];
}
