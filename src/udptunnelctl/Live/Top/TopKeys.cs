using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What each key does. Pure: a state and a key give the next state, and what is to be done outside.</summary>
internal static class TopKeys
{
    private const int Page = 10;
    private const int LongestFilter = 40;

    /// <summary>One key.</summary>
    /// <returns>The next state; the decision that was confirmed, if one was; whether the view is to end.</returns>
    public static (TopState State, Decision? Decided, bool Quit) Press(TopState state, KeyPress key)
    {
        if (key.Key == Key.Hangup)
        {
            return (state, null, true);
        }

        if (state.Mode == TopMode.Confirm)
        {
            return Confirm(state, key);
        }

        // A message stands until the next key.
        state = state with { Message = "" };
        if (state.Mode == TopMode.Filter)
        {
            return (Filter(state, key), null, false);
        }

        if (state.Mode == TopMode.Help)
        {
            return (state with { Mode = state.DetailsOf.Length > 0 ? TopMode.Details : TopMode.List }, null, false);
        }

        return key == KeyPress.Of('q') ? (state, null, true) : (Look(state, key), null, false);
    }

    private static TopState Look(TopState state, KeyPress key) => key switch
    {
        { Key: Key.Escape or Key.Backspace } => Back(state),
        { Key: Key.Character, Character: 'p' or ' ' } => state with { Frozen = state.Frozen is null ? state.Live : null },
        { Key: Key.Character, Character: '?' or 'h' } => state with { Mode = TopMode.Help },
        { Key: Key.Character, Character: 'a' } => Ask(state, approve: true),
        { Key: Key.Character, Character: 'd' } => Ask(state, approve: false),
        _ when state.Mode == TopMode.Details => Scroll(state, key),
        { Key: Key.Character, Character: 's' } => state with { Order = (TopOrder)(((int)state.Order + 1) % 4) },
        { Key: Key.Character, Character: 'f' or '/' } => state with { Mode = TopMode.Filter },
        { Key: Key.Enter } => Details(state),
        _ => Move(state, key),
    };

    private static TopState Move(TopState state, KeyPress key)
    {
        var rows = state.Rows();
        if (rows.Count == 0)
        {
            return state;
        }

        var index = Math.Clamp(Target(state.SelectedIndex(rows), rows.Count, key), 0, rows.Count - 1);
        return state with { Selected = rows[index].Key };
    }

    private static TopState Scroll(TopState state, KeyPress key) =>
        state with { Scrolled = Math.Max(0, Target(state.Scrolled, TopView.LongestDetails, key)) };

    private static int Target(int place, int count, KeyPress key) => key switch
    {
        { Key: Key.Down } or { Key: Key.Character, Character: 'j' } => place + 1,
        { Key: Key.Up } or { Key: Key.Character, Character: 'k' } => place - 1,
        { Key: Key.PageDown } => place + Page,
        { Key: Key.PageUp } => place - Page,
        { Key: Key.Home } or { Key: Key.Character, Character: 'g' } => 0,
        { Key: Key.End } or { Key: Key.Character, Character: 'G' } => count - 1,
        _ => place,
    };

    private static TopState Details(TopState state)
    {
        var rows = state.Rows();
        if (rows.Count == 0)
        {
            return state;
        }

        var row = rows[state.SelectedIndex(rows)];
        return row.Sender is not null
            ? state.Say("a lets this sender in, d sends it away")
            : state with { Mode = TopMode.Details, DetailsOf = row.Name, Selected = row.Key, Scrolled = 0, Live = state.Live.WithFlows([]) };
    }

    /// <summary>Out of the details; else rid of the filter.</summary>
    private static TopState Back(TopState state) => state.Mode == TopMode.Details
        ? state with { Mode = TopMode.List, DetailsOf = "", Live = state.Live.WithFlows([]) }
        : state with { Filter = "" };

    private static TopState Filter(TopState state, KeyPress key) => key switch
    {
        { Key: Key.Enter } => state with { Mode = TopMode.List },
        { Key: Key.Escape } => state with { Mode = TopMode.List, Filter = "" },
        { Key: Key.Backspace } when state.Filter.Length > 0 => state with { Filter = state.Filter[..^1] },
        { Key: Key.Character } when state.Filter.Length < LongestFilter => state with { Filter = state.Filter + key.Character },
        _ => state,
    };

    /// <summary>
    /// Asks about the selected sender. If another row is selected, about the one that waits there, or the only one that waits at all.
    /// </summary>
    private static TopState Ask(TopState state, bool approve)
    {
        var rows = state.Rows();
        var selected = rows.Count > 0 ? rows[state.SelectedIndex(rows)] : null;
        var senders = selected?.Sender is { } one && state.Mode == TopMode.List ? [one]
            : state.Data.Pending.Where(s => selected?.Relay is null || s.Relay == selected.Relay.Name).ToList();
        return senders.Count switch
        {
            0 => state.Say("no sender waits here"),
            1 => state with { Mode = TopMode.Confirm, Question = new Decision(senders[0], approve) },
            _ => state.Say($"{senders.Count} senders wait: select one in the list first"),
        };
    }

    private static (TopState State, Decision? Decided, bool Quit) Confirm(TopState state, KeyPress key)
    {
        var question = state.Question!;
        var after = state with { Mode = state.DetailsOf.Length > 0 ? TopMode.Details : TopMode.List, Question = null };
        return key switch
        {
            { Key: Key.Character, Character: 'y' or 'Y' } => (after.Say("..."), question, false),
            { Key: Key.Character, Character: 'o' or 'O' } when question.Approve => (after.Say("..."), question with { Once = true }, false),
            { Key: Key.Character, Character: 'n' or 'N' or 'q' } or { Key: Key.Escape } =>
                (after.Say($"{RelayText.Identity(question.Sender)} still waits", Style.Plain), null, false),
            _ => (state, null, false),
        };
    }
}
