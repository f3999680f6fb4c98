// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>What <c>udptunnelctl stats</c> shows of a relay: every counter.</summary>
internal static class RelayStatsView
{
    private const int LabelWidth = 36;
    private const int NumberWidth = 22;

    /// <summary>One relay in full.</summary>
    public static void Render(Screen screen, Relay relay, DateTimeOffset now)
    {
        screen.Text(TerminalText.Fit(relay.Name, 40), Style.Strong).Text(": ");
        screen.Text(Words.Spoken(Words.Of(relay.State)), RelayText.StyleOf(relay.State));
        if (TimeText.Of(relay.Started) is { } started)
        {
            screen.Text($", started {TimeInWords.Ago(started, now)}");
        }

        screen.EndLine();
        var counters = relay.Counters ?? new RelayCounters();
        var rates = relay.Rates ?? new RelayRates();
        Row(screen, "", "to service", "to clients");
        Row(screen, "packets", Quantity.Count(counters.PacketsToService), Quantity.Count(counters.PacketsToClients));
        Row(screen, "bytes", Quantity.Count(counters.BytesToService), Quantity.Count(counters.BytesToClients));
        Row(
            screen,
            "packet rate",
            Quantity.PacketRate(rates.PacketsToServicePerSecond),
            Quantity.PacketRate(rates.PacketsToClientsPerSecond)
        );
        Row(
            screen,
            "bit rate",
            Quantity.BitRate(rates.BytesToServicePerSecond),
            Quantity.BitRate(rates.BytesToClientsPerSecond)
        );
        foreach (var drop in counters.Drops)
        {
            Row(screen, $"dropped: {RelayText.Drop(drop.Reason)}", Quantity.Count(drop.Packets), "");
        }

        screen.Field(
            "flows",
            $"{RelayText.Flows(relay)}, {Quantity.Count(counters.FlowsOpened)} opened since the start"
        );
        screen.Field(
            RelayText.PeerLabel(relay),
            $"{RelayText.Peer(relay, now)}; connected {Times(counters.Connections)}"
        );
        if (relay.Role != RelayRole.Receiver)
        {
            screen.Field("DNS", $"looked up {Times(counters.DnsLookups)}, failed {Times(counters.DnsFailures)}");
        }
    }

    /// <summary>One line for output that is appended: time, rates, live flows, and the sum of drops.</summary>
    public static void RenderLine(Screen screen, Relay relay, DateTimeOffset time, TimeProvider clock)
    {
        var counters = relay.Counters ?? new RelayCounters();
        var rates = relay.Rates ?? new RelayRates();
        screen.Text(TimeText.Local(time, clock)["yyyy-MM-dd ".Length..]).Text(" ");
        screen.Cell(relay.Name, 15, Style.Strong).Text(" ");
        screen.Text("out ").Cell(Quantity.BitRate(rates.BytesToServicePerSecond), 11, right: true);
        screen.Text(" in ").Cell(Quantity.BitRate(rates.BytesToClientsPerSecond), 11, right: true);
        screen.Text("  flows ").Text(Quantity.Count(counters.Flows));
        screen.Text("  dropped ").Text(Quantity.Count(Sum(counters))).EndLine();
    }

    private static void Row(Screen screen, string label, string toService, string toClients) =>
        screen
            .Cell($"  {label}", LabelWidth)
            .Cell(toService, NumberWidth, right: true)
            .Cell(toClients, NumberWidth, right: true)
            .EndLine();

    /// <summary>Wraps around rather than to fail: a daemon's counters are not to be trusted.</summary>
    private static ulong Sum(RelayCounters counters)
    {
        var sum = 0UL;
        foreach (var drop in counters.Drops)
        {
            sum += drop.Packets;
        }

        return sum;
    }

    private static string Times(ulong count) => count == 1 ? "once" : $"{Quantity.Count(count)} times";
}
