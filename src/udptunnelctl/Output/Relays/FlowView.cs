// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>The flows of one relay, the one that was active last first.</summary>
internal static class FlowView
{
    /// <summary>More would push the rest of the view off the screen.</summary>
    private const int Shown = 20;

    private const int ClientWidth = 22;
    private const int TimeWidth = 6;
    private const int NumberWidth = 11;

    /// <summary>A table; nothing if there are no flows.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="flows">All of them.</param>
    public static void Render(Screen screen, IReadOnlyList<RelayFlow> flows)
    {
        if (flows.Count == 0)
        {
            return;
        }

        // With one service its port tells nothing.
        var hasPorts = flows.Select(f => f.Port).Distinct().Count() > 1;
        screen.Line();
        Row(screen, "client", "age", "idle", ["to service", "", "to clients", ""]);
        foreach (var flow in flows.OrderBy(f => TimeText.Length(f.Idle)).Take(Shown))
        {
            var client = flow.Client.Length > 0 ? flow.Client : $"flow {flow.Id}";
            client += hasPorts ? $" to :{flow.Port}" : "";
            if (TerminalText.Columns(TerminalText.Escape(client)) >= ClientWidth)
            {
                screen.Text("  ").Text(client).EndLine();
                client = "";
            }

            Row(
                screen,
                client,
                TimeInWords.Short(TimeText.Length(flow.Age)),
                TimeInWords.Short(TimeText.Length(flow.Idle)),
                [
                    Quantity.ShortCount(flow.PacketsToService),
                    Quantity.Bytes(flow.BytesToService),
                    Quantity.ShortCount(flow.PacketsToClients),
                    Quantity.Bytes(flow.BytesToClients),
                ]
            );
        }

        if (flows.Count > Shown)
        {
            screen.Line($"  and {Quantity.Count((ulong)(flows.Count - Shown))} more; --json shows all");
        }
    }

    private static void Row(Screen screen, string client, string age, string idle, string[] numbers)
    {
        screen.Text("  ").Cell(client, ClientWidth);
        screen.Cell(age, TimeWidth, right: true).Cell(idle, TimeWidth, right: true);
        foreach (var number in numbers)
        {
            screen.Cell(number, NumberWidth, right: true);
        }

        screen.EndLine();
    }
}
