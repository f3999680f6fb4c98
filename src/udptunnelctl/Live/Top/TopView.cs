// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>Makes a <see cref="TopState"/> visible. Pure: the same state and size give the same lines.</summary>
/// <param name="colour">Colours are wanted.</param>
/// <param name="graph">Draws the rates.</param>
/// <param name="clock">Has the local time zone.</param>
internal sealed class TopView(bool colour, Graph graph, TimeProvider clock)
{
    /// <summary>Lines of details that can be scrolled to: those of the status and of 10,000 flows.</summary>
    public const int LongestDetails = 10_100;

    private const int LinesAbove = 2;

    /// <summary>A screen of exactly as many lines as the terminal has, or fewer if there is less to show.</summary>
    public Screen Render(TopState state, TerminalSize size)
    {
        var screen = NewScreen(size);
        Title(screen, state);
        Notice(screen, state);
        var below = Below(state, size);
        var room = Room(below, size);
        var body = NewScreen(size);
        var skipped = 0;
        if (state.Mode == TopMode.Help)
        {
            TopHelp.Render(body);
        }
        else if (state.DetailsOf.Length > 0)
        {
            TopDetails.Render(body, state, graph, size.Rows);
            skipped = Clamp(state, size).Scrolled;
        }
        else
        {
            TopList.Render(body, state, room, graph);
        }

        screen.Lines(body, skipped, room);
        for (var line = Math.Min(room, body.Lines().Count); line < room; line++)
        {
            screen.Line();
        }

        return screen.Lines(below, 0, MostBelow(size));
    }

    /// <summary>The same, scrolled no further than there is something to see.</summary>
    public TopState Clamp(TopState state, TerminalSize size)
    {
        if (state.Scrolled == 0 || state.DetailsOf.Length == 0)
        {
            return state;
        }

        var body = NewScreen(size);
        TopDetails.Render(body, state, graph, size.Rows);
        var most = Math.Max(0, body.Lines().Count - Room(Below(state, size), size));
        return state with { Scrolled = Math.Min(state.Scrolled, most) };
    }

    /// <summary>Lines between those above and those below.</summary>
    private static int Room(Screen below, TerminalSize size) =>
        size.Rows - LinesAbove - Math.Min(below.Lines().Count, MostBelow(size));

    private static int MostBelow(TerminalSize size) => size.Rows - LinesAbove - 1;

    private Screen NewScreen(TerminalSize size) => new(colour, size.Columns);

    private void Title(Screen screen, TopState state)
    {
        var data = state.Data;
        screen
            .Text("udptunnelctl top", Style.Strong)
            .Text($"  {TimeText.Local(data.Time, clock)["yyyy-MM-dd ".Length..]}  ");
        screen.Text(
            $"{Number(data.Inventory.Tunnels.Count, "tunnel")}, {Number(data.Inventory.Relays.Count, "relay")}"
        );
        if (state.DetailsOf.Length == 0)
        {
            screen.Text($"  by {Word(state.Order)}");
        }
        else if (data.Flows.Count > 0)
        {
            screen.Text($"  flows by {Word(state.FlowOrder)}");
        }

        if (state.Frozen is not null)
        {
            screen.Text("  ").Text("paused", Style.Warning);
        }

        var filter = Filter(state);
        if (filter.Length > 0 && state.Mode != TopMode.Filter)
        {
            screen.Text($"  only '{filter}'", Style.Warning);
        }

        screen.EndLine();
    }

    private static void Notice(Screen screen, TopState state)
    {
        var pending = state.Data.Pending;
        if (state.IsLost)
        {
            screen.Line("udptunneld has ended: this is how it was. Waiting for it to come back; q quits", Style.Bad);
        }
        else if (state.Message.Length > 0)
        {
            screen.Line(state.Message, state.MessageStyle);
        }
        else if (pending.Count > 0)
        {
            screen.Line($"{Waiting(pending)} for approval: a lets one in, d sends it away", Style.Warning);
        }
        else
        {
            screen.Line();
        }
    }

    private Screen Below(TopState state, TerminalSize size)
    {
        var screen = NewScreen(size);
        switch (state.Mode)
        {
            case TopMode.Filter:
                screen
                    .Text($"filter: {Filter(state)}_", Style.Strong)
                    .Text("   Enter keeps it, Esc clears it")
                    .EndLine();
                break;
            case TopMode.Confirm:
                Question(screen, state.Question!);
                break;
            case TopMode.Details:
                var decide = state.Data.Pending.Count > 0 ? "a approve  d deny  " : "";
                screen.Line($"Esc back  j/k scroll  s sort  f filter  p pause  {decide}? help");
                break;
            case TopMode.Help:
                screen.Line("any key goes back");
                break;
            default:
                screen.Line("q quit  j/k select  Enter details  s sort  f filter  p pause  ? help");
                break;
        }

        return screen;
    }

    private static void Question(Screen screen, Decision question)
    {
        var who = question.Who;
        var origin = who.HasKey ? $" from {who.Address}" : " (classic: no identity)";
        screen.Paragraph(
            $"{(question.Approve ? "Let in" : "Send away")} {who.Identity}{origin} at {who.Place}?",
            style: Style.Warning
        );
        var yes = who.HasKey ? "y yes, and when it comes back  o only this connection" : "y yes";
        screen.Line($"{(question.Approve ? yes : "y yes")}  n no", Style.Strong);
    }

    private static string Waiting(IReadOnlyList<Waiting> pending)
    {
        var senders = pending.Count(w => w.Sender is not null);
        var peers = pending.Count - senders;
        var verb = pending.Count == 1 ? "waits" : "wait";
        return (senders, peers) switch
        {
            (_, 0) => $"{Number(senders, "sender")} {verb}",
            (0, _) => $"{Number(peers, "peer")} {verb}",
            _ => $"{Number(senders, "sender")} and {Number(peers, "peer")} {verb}",
        };
    }

    private static string Filter(TopState state) => state.DetailsOf.Length > 0 ? state.FlowFilter : state.Filter;

    private static string Word(FlowOrder order) =>
        order switch
        {
            FlowOrder.Rate => "rate",
            FlowOrder.Name => "name",
            _ => "idle",
        };

    private static string Word(TopOrder order) =>
        order switch
        {
            TopOrder.Rate => "rate",
            TopOrder.Drops => "drops",
            TopOrder.Silence => "silence",
            _ => "name",
        };

    private static string Number(int count, string thing) =>
        count == 1 ? $"1 {thing}" : $"{Quantity.Count((ulong)count)} {thing}s";
}
