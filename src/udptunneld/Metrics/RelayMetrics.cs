// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay;

namespace UdpTunnel.Metrics;

/// <summary>The metrics of the relays, described in docs/metrics.md.</summary>
internal static class RelayMetrics
{
    /// <summary>All families.</summary>
    public static IEnumerable<MetricFamily> Of(IReadOnlyList<RelayStatus> relays)
    {
        yield return Gauge("state", "1 for the state that the relay is in, 0 for the others.", r =>
            Enum.GetValues<RelayState>().Select(s => Sample(r, r.State == s ? 1 : 0, ("state", MetricsText.Word(s))))
        );
        yield return Gauge("start_time_seconds", "When the relay started, in seconds since 1970.", r =>
            Time(r, r.Started)
        );
        yield return Gauge("last_heard_time_seconds", "When the other end was last heard, in seconds since 1970.", r =>
            Time(r, r.LastHeard)
        );
        yield return Gauge("flows", "Flows that are live.", r => [Sample(r, r.Flows)]);
        yield return Gauge("flows_limit", "The most flows at a time (MaxFlows).", r => [Sample(r, r.Config.MaxFlows)]);
        yield return Gauge("pending_senders", "Senders that wait for approval.", r => [Sample(r, r.PendingSenders)]);
        yield return Counter("flows_total", "Flows that were opened.", r => [Sample(r, r.FlowsOpened)]);
        yield return Counter("connections_total", "How often the TCP connection to the other end was made.", r =>
            [Sample(r, r.Connections)]
        );
        yield return Counter("packets_total", "Datagrams carried.", r =>
            [Sample(r, r.Traffic.PacketsToService, ToService), Sample(r, r.Traffic.PacketsToClients, ToClients)]
        );
        yield return Counter("bytes_total", "Bytes of the datagrams' payload.", r =>
            [Sample(r, r.Traffic.BytesToService, ToService), Sample(r, r.Traffic.BytesToClients, ToClients)]
        );

        MetricFamily Gauge(string name, string help, Func<RelayStatus, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_relay_{name}", MetricType.Gauge, help, relays.SelectMany(samples));

        MetricFamily Counter(string name, string help, Func<RelayStatus, IEnumerable<MetricSample>> samples) =>
            new($"udptunnel_relay_{name}", MetricType.Counter, help, relays.SelectMany(samples));
    }

    private static (string Name, string Value) ToService => ("direction", "to_service");

    private static (string Name, string Value) ToClients => ("direction", "to_clients");

    private static MetricSample Sample(RelayStatus relay, double value, params (string Name, string Value)[] more) =>
        new(value, [("relay", relay.Config.Name), .. more]);

    private static IEnumerable<MetricSample> Time(RelayStatus relay, DateTimeOffset? time) =>
        time is { } known ? [Sample(relay, known.ToUnixTimeMilliseconds() / 1000.0)] : [];
}
