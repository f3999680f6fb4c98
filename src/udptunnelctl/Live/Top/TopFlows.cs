// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>The flows in the details of <c>top</c>, as many as there are; the caller scrolls.</summary>
internal static class TopFlows
{
    private const int ClientWidth = 22;
    private const int TimeWidth = 6;
    private const int RateWidth = 13;
    private const int FixedWidth = 2 + ClientWidth + (2 * TimeWidth) + (2 * RateWidth) + 2;

    /// <summary>A table; nothing if there are no flows.</summary>
    public static void Render(Screen screen, TopState state, Graph graph)
    {
        var data = state.Data;
        if (data.Flows.Count == 0)
        {
            return;
        }

        screen.Line();
        var flows = state.Flows();
        if (flows.Count == 0)
        {
            screen.Line("  No flow matches the filter; Esc clears it.");
            return;
        }

        if (flows[0].Tunnel is not null)
        {
            TunnelFlowView.Heading(screen);
        }
        else
        {
            Row(screen, "client", "age", "idle", "to service", "to clients", "rate", Style.Plain);
        }

        foreach (var flow in flows)
        {
            if (flow.Tunnel is { } ofTunnel)
            {
                TunnelFlowView.Row(screen, ofTunnel);
            }
            else if (flow.Relay is { } ofRelay)
            {
                OfRelay(screen, flow, ofRelay, graph);
            }
        }

        if (data.FlowTotal > data.Flows.Count)
        {
            screen.Line(
                $"  and {Quantity.Count(data.FlowTotal - (ulong)data.Flows.Count)} more, which were used longer ago"
            );
        }
    }

    private static void OfRelay(Screen screen, TopFlow flow, RelayFlow relay, Graph graph)
    {
        var client = flow.Name;
        if (TerminalText.Columns(TerminalText.Escape(client)) >= ClientWidth)
        {
            screen.Text("  ").Text(client).EndLine();
            client = "";
        }

        var rates = flow.History.Rates;
        var width = Math.Min(rates.Length, screen.Columns - FixedWidth);
        Row(
            screen,
            client,
            TimeInWords.Short(TimeText.Length(relay.Age)),
            TimeInWords.Short(flow.Idle),
            Quantity.BitRate(flow.History.Now.BytesOut),
            Quantity.BitRate(flow.History.Now.BytesIn),
            width > 0 ? graph.Line([.. rates.Select(r => r.Bytes)], width) : "",
            Style.Good
        );
    }

    private static void Row(
        Screen screen,
        string client,
        string age,
        string idle,
        string toService,
        string toClients,
        string graph,
        Style style
    )
    {
        screen
            .Text("  ")
            .Cell(client, ClientWidth)
            .Cell(age, TimeWidth, right: true)
            .Cell(idle, TimeWidth, right: true);
        screen.Cell(toService, RateWidth, right: true).Cell(toClients, RateWidth, right: true);
        screen.Text("  ").Text(graph, style).EndLine();
    }
}
