// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>One tunnel or relay: its rates, its status and its flows.</summary>
internal static class TopDetails
{
    /// <summary>A terminal of 24 rows shall show some flows too.</summary>
    private const int FewRows = 30;

    private const int Indent = 2;

    /// <summary>As many lines as there are; the caller scrolls.</summary>
    public static void Render(Screen screen, TopState state, Graph graph, int rows)
    {
        var data = state.Data;
        var tunnel = data.Inventory.Tunnels.FirstOrDefault(t => t.Name == state.DetailsOf);
        var relay = data.Inventory.Relays.FirstOrDefault(r => r.Name == state.DetailsOf);
        if (tunnel is null && relay is null)
        {
            screen.Paragraph($"{state.DetailsOf} is down.");
            return;
        }

        var history = data.History(state.DetailsOf);
        var now = history.Now;
        var (outWord, inWord) = relay is null ? ("out", "in") : ("to service", "to clients");
        var height = rows < FewRows ? 2 : 3;
        Direction(
            screen,
            graph,
            height,
            outWord,
            now.BytesOut,
            now.PacketsOut,
            [.. history.Rates.Select(r => r.BytesOut)]
        );
        Direction(screen, graph, height, inWord, now.BytesIn, now.PacketsIn, [.. history.Rates.Select(r => r.BytesIn)]);
        if (tunnel is not null)
        {
            StatusView.Render(screen, [tunnel], data.Time, mostPeers: tunnel.Peers.Count);
        }
        else if (relay is not null)
        {
            RelayStatusView.Render(screen, relay, data.Senders, data.Time);
        }

        TopFlows.Render(screen, state, graph);
    }

    private static void Direction(
        Screen screen,
        Graph graph,
        int height,
        string word,
        double bytes,
        double packets,
        double[] values
    )
    {
        var width = screen.Columns - Indent;
        var shown = values.AsSpan(Math.Max(0, values.Length - width));
        var greatest = 0d;
        foreach (var value in shown)
        {
            greatest = Math.Max(greatest, value);
        }

        screen.Text(word, Style.Strong).Text($"  {Quantity.BitRate(bytes)}, {Quantity.PacketRate(packets)}");
        screen.Text($"   most in view {Quantity.BitRate(greatest)}").EndLine();
        foreach (var bars in graph.Bars(values, width, height))
        {
            screen.Text("  ").Text(bars, Style.Good).EndLine();
        }
    }
}
