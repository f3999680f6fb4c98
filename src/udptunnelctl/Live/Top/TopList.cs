// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>The list of <c>top</c>: a row for each tunnel, relay, and sender or peer that waits.</summary>
internal static class TopList
{
    private const int KindWidth = 9;
    private const int StateWidth = 11;
    private const int HeardWidth = 6;
    private const int RateWidth = 8;
    private const int DropsWidth = 7;
    private const int FixedWidth = 2 + KindWidth + StateWidth + HeardWidth + RateWidth + RateWidth + DropsWidth + 2;

    private const int ShortestName = 15;
    private const int LongestName = 32;

    /// <summary>
    /// Characters of a fingerprint that tell it from others at a glance; the question that follows shows it whole.
    /// </summary>
    private const int ShortFingerprint = 24;

    /// <summary>The heading and the page of rows with the selected one.</summary>
    public static void Render(Screen screen, TopState state, int room, Graph graph)
    {
        var rows = state.Rows();
        var extra = Math.Max(0, screen.Columns - Screen.Width);
        var name = Math.Min(LongestName, ShortestName + (extra / 3));
        var graphWidth = Math.Clamp(screen.Columns - FixedWidth - name, 0, TrafficHistory.Length);
        Heading(screen, name);
        if (rows.Count == 0)
        {
            screen.Line();
            screen.Line(
                state.Filter.Length > 0 ? "  Nothing matches the filter; Esc clears it." : "  No tunnels and no relays."
            );
            return;
        }

        var page = Math.Max(1, room - 1);
        var selected = state.SelectedIndex(rows);
        var first = selected / page * page;
        for (var i = first; i < Math.Min(rows.Count, first + page); i++)
        {
            if (rows[i].Waiting is null)
            {
                Traffic(screen, rows[i], i == selected, state.Data.Time, name, graphWidth, graph);
            }
            else
            {
                Waiting(screen, rows[i], i == selected, state.Data.Time);
            }
        }
    }

    private static void Heading(Screen screen, int name)
    {
        screen
            .Text("  ")
            .Cell("NAME", name, Style.Strong)
            .Cell("KIND", KindWidth, Style.Strong)
            .Cell("STATE", StateWidth, Style.Strong);
        screen.Cell("HEARD", HeardWidth, Style.Strong, right: true);
        screen
            .Cell("OUT b/s", RateWidth, Style.Strong, right: true)
            .Cell("IN b/s", RateWidth, Style.Strong, right: true);
        screen.Cell("DROPS", DropsWidth, Style.Strong, right: true).Text("  ").Text("RATE", Style.Strong).EndLine();
    }

    private static void Traffic(
        Screen screen,
        TopRow row,
        bool selected,
        DateTimeOffset now,
        int name,
        int graphWidth,
        Graph graph
    )
    {
        var rate = row.History.Now;
        Mark(screen, selected);
        Cell(TerminalText.Fit(row.Name, name - 1), name, Style.Strong);
        Cell(row.Kind, KindWidth, Style.Plain);
        Cell(row.State, StateWidth, row.Style);
        Cell(row.Heard is { } heard ? TimeInWords.Short(now - heard) : "never", HeardWidth, Style.Plain, right: true);
        Cell(Quantity.Brief(rate.BytesOut * 8), RateWidth, Style.Plain, right: true);
        Cell(Quantity.Brief(rate.BytesIn * 8), RateWidth, Style.Plain, right: true);
        Cell(Quantity.Brief(row.Drops), DropsWidth, Style.Plain, right: true);
        screen.Text("  ");
        if (graphWidth > 2)
        {
            screen.Text(graph.Line([.. row.History.Rates.Select(r => r.Bytes)], graphWidth), Style.Good);
        }

        screen.EndLine();

        void Cell(string text, int width, Style style, bool right = false) =>
            screen.Cell(text, width, selected ? Style.Selected : style, right);
    }

    private static void Waiting(Screen screen, TopRow row, bool selected, DateTimeOffset now)
    {
        var waiting = row.Waiting!;
        var name =
            waiting.HasKey && waiting.Identity.Length > ShortFingerprint
                ? waiting.Identity[..ShortFingerprint] + "..."
                : waiting.Identity;
        var since = waiting.Since is { } time ? $", {TimeInWords.Short(now - time)}" : "";
        var origin = waiting.HasKey ? $" from {waiting.Address}" : " (classic)";
        Mark(screen, selected);
        screen
            .Text($"{name} wants in at {waiting.Place}{origin}{since}", selected ? Style.Selected : Style.Warning)
            .EndLine();
    }

    /// <summary>Nothing is said by colour alone.</summary>
    private static void Mark(Screen screen, bool selected) => screen.Text(selected ? "> " : "  ");
}
