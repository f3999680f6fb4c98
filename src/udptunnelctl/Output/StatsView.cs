// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What <c>udptunnelctl stats</c> shows: every counter.</summary>
internal static class StatsView
{
    private const int LabelWidth = 28;
    private const int NumberWidth = 26;

    /// <summary>As many as the daemon lists with a tunnel.</summary>
    private const int PeersShown = 100;

    /// <summary>All tunnels in full.</summary>
    public static void Render(Screen screen, IReadOnlyList<Tunnel> tunnels, DateTimeOffset now)
    {
        if (tunnels.Count == 0)
        {
            screen.Line("No tunnels and no relays.");
        }

        for (var i = 0; i < tunnels.Count; i++)
        {
            if (i > 0)
            {
                screen.Line();
            }

            Render(screen, tunnels[i], now);
        }
    }

    /// <summary>One line for each tunnel, for output that is appended: time, rates, and the sum of drops.</summary>
    public static void RenderLines(
        Screen screen,
        IReadOnlyList<Tunnel> tunnels,
        DateTimeOffset time,
        TimeProvider clock
    )
    {
        foreach (var tunnel in tunnels)
        {
            var rates = tunnel.Rates ?? new Rates();
            screen.Text(TimeText.Local(time, clock)["yyyy-MM-dd ".Length..]).Text(" ");
            screen.Cell(tunnel.Name, 15, Style.Strong).Text(" ");
            screen.Text("out ").Cell(Quantity.BitRate(rates.BytesOutPerSecond), 11, right: true);
            screen.Text(" in ").Cell(Quantity.BitRate(rates.BytesInPerSecond), 11, right: true);
            screen.Text("  dropped ").Text(Quantity.Count(Sum(tunnel.Counters))).EndLine();
        }
    }

    private static void Render(Screen screen, Tunnel tunnel, DateTimeOffset now)
    {
        screen.Text(TerminalText.Fit(tunnel.Name, 40), Style.Strong).Text(": ");
        screen.Text(Words.Spoken(Words.Of(tunnel.State)), TunnelText.StyleOf(tunnel.State));
        if (TimeText.Of(tunnel.Started) is { } started)
        {
            screen.Text($", started {TimeInWords.Ago(started, now)}");
        }

        screen.EndLine();
        var counters = tunnel.Counters ?? new Counters();
        var rates = tunnel.Rates ?? new Rates();
        Row(screen, "", "out", "in");
        Row(screen, "packets", Quantity.Count(counters.PacketsOut), Quantity.Count(counters.PacketsIn));
        Row(screen, "bytes", Quantity.Count(counters.BytesOut), Quantity.Count(counters.BytesIn));
        Row(
            screen,
            "packet rate",
            Quantity.PacketRate(rates.PacketsOutPerSecond),
            Quantity.PacketRate(rates.PacketsInPerSecond)
        );
        Row(screen, "bit rate", Quantity.BitRate(rates.BytesOutPerSecond), Quantity.BitRate(rates.BytesInPerSecond));
        Row(screen, "heartbeats", Quantity.Count(counters.HeartbeatsOut), Quantity.Count(counters.HeartbeatsIn));
        foreach (var drops in counters.Drops.GroupBy(d => d.Reason))
        {
            Row(
                screen,
                TunnelText.Drop(drops.Key),
                Dropped(drops, Direction.Out),
                Dropped(drops, Direction.In),
                "dropped: "
            );
        }

        screen.Field("flows", $"{Quantity.Count(counters.Flows)} remembered");
        if (TunnelText.IsSecure(tunnel))
        {
            screen.Field("peers", $"{PeerText.Summary(tunnel)}; moved {Times(counters.PeerChanges)}");
        }
        else
        {
            screen.Field("peer", $"{TunnelText.Peer(tunnel, now)}; changed {Times(counters.PeerChanges)}");
        }

        screen.Field("DNS", $"looked up {Times(counters.DnsLookups)}, failed {Times(counters.DnsFailures)}");
        screen.Field("offloads", TunnelText.Offloads(tunnel.Offloads));
        PeerView.RenderLines(screen, tunnel, PeersShown, now);
    }

    private static void Row(Screen screen, string label, string outbound, string inbound, string prefix = "") =>
        screen
            .Cell($"  {prefix}{label}", LabelWidth)
            .Cell(outbound, NumberWidth, right: true)
            .Cell(inbound, NumberWidth, right: true)
            .EndLine();

    private static string Dropped(IEnumerable<Drops> drops, Direction direction)
    {
        var sum = 0UL;
        foreach (var drop in drops)
        {
            sum += drop.Direction == direction ? drop.Packets : 0;
        }

        return Quantity.Count(sum);
    }

    private static ulong Sum(Counters? counters)
    {
        var sum = 0UL;
        foreach (var drop in counters?.Drops ?? [])
        {
            sum += drop.Packets;
        }

        return sum;
    }

    private static string Times(ulong count) => count == 1 ? "once" : $"{Quantity.Count(count)} times";
}
