// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using UdpTunnel.Api;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Metrics;

/// <summary>
/// All metrics of the daemon, described in docs/metrics.md. They are read from the counters when somebody asks; nothing
/// is kept for them, and no packet knows of them.
/// </summary>
internal sealed class DaemonMetrics(
    DaemonOptions options,
    TunnelHost tunnels,
    RelayHost relays,
    EventLog events,
    Watchers watchers,
    RequestGate gate
)
{
    /// <summary>All families at this moment.</summary>
    public IEnumerable<MetricFamily> Collect()
    {
        var tunnelList = tunnels.List([]);
        var relayList = relays.List([]);
        return
        [
            .. Own(),
            .. TunnelMetrics.Of(tunnelList),
            .. PeerMetrics.Of(tunnelList),
            .. RelayMetrics.Of(relayList),
            .. Shared(tunnelList, relayList),
        ];
    }

    /// <summary>What tunnels and relays count alike.</summary>
    private static IEnumerable<MetricFamily> Shared(
        IReadOnlyList<TunnelStatus> tunnels,
        IReadOnlyList<RelayStatus> relays
    )
    {
        // All values of a metric have the same labels, so what one kind does not have is empty.
        yield return new MetricFamily(
            "udptunnel_drops_total",
            MetricType.Counter,
            "Packets and datagrams dropped, and connections refused, by reason.",
            [
                .. tunnels.SelectMany(t =>
                    t.Drops.Select(d => new MetricSample(
                        d.Packets,
                        Tunnel(t),
                        NoRelay,
                        ("direction", MetricsText.Word(d.Direction)),
                        ("reason", MetricsText.Word(d.Reason))
                    ))
                ),
                .. relays.SelectMany(r =>
                    r.Drops.Select(d => new MetricSample(
                        d.Packets,
                        NoTunnel,
                        Relay(r),
                        ("direction", ""),
                        ("reason", MetricsText.Word(d.Reason))
                    ))
                ),
            ]
        );
        yield return new MetricFamily(
            "udptunnel_dns_lookups_total",
            MetricType.Counter,
            "Look-ups of the name of a tunnel's or relay's other end.",
            [
                .. tunnels.SelectMany(t => LookUps(t.LookUps, t.LookUpFailures, Tunnel(t), NoRelay)),
                .. relays.SelectMany(r => LookUps(r.LookUps, r.LookUpFailures, NoTunnel, Relay(r))),
            ]
        );
    }

    private static MetricSample[] LookUps(long all, long failed, params (string Name, string Value)[] labels) =>
        [new(all - failed, [.. labels, ("result", "answered")]), new(failed, [.. labels, ("result", "failed")])];

    private static (string Name, string Value) NoTunnel => ("tunnel", "");

    private static (string Name, string Value) NoRelay => ("relay", "");

    private static (string Name, string Value) Tunnel(TunnelStatus tunnel) => ("tunnel", tunnel.Config.Name);

    private static (string Name, string Value) Relay(RelayStatus relay) => ("relay", relay.Config.Name);

    private IEnumerable<MetricFamily> Own()
    {
        yield return Gauge(
            "build_info",
            "Always 1.",
            1,
            ("version", DaemonOptions.Version),
            ("runtime", RuntimeInformation.FrameworkDescription)
        );
        yield return Gauge(
            "start_time_seconds",
            "When the daemon started, in seconds since 1970.",
            options.Started.ToUnixTimeMilliseconds() / 1000.0
        );
        yield return Gauge("resident_memory_bytes", "Memory of the daemon.", Environment.WorkingSet);
        yield return new MetricFamily(
            "udptunnel_cpu_seconds_total",
            MetricType.Counter,
            "Processor time of the daemon.",
            [
                new(Environment.CpuUsage.UserTime.TotalSeconds, ("mode", "user")),
                new(Environment.CpuUsage.PrivilegedTime.TotalSeconds, ("mode", "system")),
            ]
        );
        yield return Gauge("api_streams", "Watch streams of the control API that are open.", watchers.Open);
        yield return new MetricFamily(
            "udptunnel_api_denied_total",
            MetricType.Counter,
            "Calls that the caller's role did not suffice for.",
            [new(gate.Denied)]
        );
        yield return new MetricFamily(
            "udptunnel_events_total",
            MetricType.Counter,
            "Events, by kind.",
            Enum.GetValues<EventKind>().Select(k => new MetricSample(events.Count(k), ("kind", MetricsText.Word(k))))
        );
    }

    private static MetricFamily Gauge(
        string name,
        string help,
        double value,
        params (string Name, string Value)[] labels
    ) => new($"udptunnel_{name}", MetricType.Gauge, help, [new MetricSample(value, labels)]);
}
