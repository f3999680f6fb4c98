// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>The flows of one tunnel, the one that was used last first.</summary>
internal static class TunnelFlowView
{
    /// <summary>More would push the rest of the view off the screen.</summary>
    private const int Shown = 20;

    private const int ProtocolWidth = 10;
    private const int EndpointWidth = 23;
    private const int OpenedWidth = 8;
    private const int IdleWidth = 6;

    /// <summary>A table; nothing if there are no flows.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="flows">As the daemon sent them.</param>
    /// <param name="total">How many it remembers.</param>
    public static void Render(Screen screen, IReadOnlyList<TunnelFlow> flows, uint total)
    {
        if (flows.Count == 0)
        {
            return;
        }

        screen.Line();
        Heading(screen);
        foreach (var flow in flows.Take(Shown))
        {
            Row(screen, flow);
        }

        var shown = (uint)Math.Min(flows.Count, Shown);
        if (total > shown)
        {
            screen.Line($"  and {Quantity.Count(total - shown)} more; --json and top show up to 10,000");
        }
    }

    /// <summary>The names of the columns.</summary>
    public static void Heading(Screen screen) => Row(screen, "protocol", "from", "to", "opened", "idle");

    /// <summary>One flow.</summary>
    public static void Row(Screen screen, TunnelFlow flow) =>
        Row(
            screen,
            Words.Spoken(Words.Of(flow.Protocol)),
            flow.Source,
            flow.Destination,
            Words.Spoken(Words.Of(flow.OpenedBy)),
            TimeInWords.Short(TimeText.Length(flow.Idle))
        );

    private static void Row(Screen screen, string protocol, string from, string to, string opened, string idle)
    {
        screen.Text("  ").Cell(protocol, ProtocolWidth).Cell(from, EndpointWidth).Cell(to, EndpointWidth);
        screen.Cell(opened, OpenedWidth).Cell(idle, IdleWidth, right: true).EndLine();
    }
}
