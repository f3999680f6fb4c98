// SPDX-License-Identifier: BSD-3-Clause

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

    private static TopState Look(TopState state, KeyPress key) =>
        key switch
        {
            { Key: Key.Escape or Key.Backspace } => Back(state),
            { Key: Key.Character, Character: 'p' or ' ' } => state with
            {
                Frozen = state.Frozen is null ? state.Live : null,
            },
            { Key: Key.Character, Character: '?' or 'h' } => state with { Mode = TopMode.Help },
            { Key: Key.Character, Character: 'a' } => Ask(state, approve: true),
            { Key: Key.Character, Character: 'd' } => Ask(state, approve: false),
            { Key: Key.Character, Character: 'f' or '/' } => state with { Mode = TopMode.Filter },
            { Key: Key.Character, Character: 's' } => Sort(state),
            _ when state.Mode == TopMode.Details => Scroll(state, key),
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

    private static TopState Sort(TopState state)
    {
        if (state.Mode != TopMode.Details)
        {
            return state with { Order = (TopOrder)(((int)state.Order + 1) % 4) };
        }

        var next = (FlowOrder)(((int)state.FlowOrder + 1) % 3);
        return state with { FlowOrder = next == FlowOrder.Rate && !state.FlowsHaveRates ? FlowOrder.Name : next };
    }

    private static TopState Scroll(TopState state, KeyPress key) =>
        state with
        {
            Scrolled = Math.Max(0, Target(state.Scrolled, TopView.LongestDetails, key)),
        };

    private static int Target(int place, int count, KeyPress key) =>
        key switch
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
        return row.Waiting is not null
            ? state.Say("a lets it in, d sends it away")
            : state with
            {
                Mode = TopMode.Details,
                DetailsOf = row.Name,
                Selected = row.Key,
                Scrolled = 0,
                FlowOrder = FlowOrder.Idle,
                FlowFilter = "",
                Live = state.Live.WithoutFlows(),
            };
    }

    /// <summary>Rid of the filter; else out of the details.</summary>
    private static TopState Back(TopState state) =>
        state switch
        {
            { Mode: TopMode.Details, FlowFilter: "" } => state with
            {
                Mode = TopMode.List,
                DetailsOf = "",
                Live = state.Live.WithoutFlows(),
            },
            { Mode: TopMode.Details } => state with { FlowFilter = "" },
            _ => state with { Filter = "" },
        };

    /// <summary>Of the flows in the details, of the rows in the list.</summary>
    private static TopState Filter(TopState state, KeyPress key)
    {
        var inDetails = state.DetailsOf.Length > 0;
        var back = state with { Mode = inDetails ? TopMode.Details : TopMode.List };
        var filter = inDetails ? state.FlowFilter : state.Filter;
        return key switch
        {
            { Key: Key.Enter } => back,
            { Key: Key.Escape } => Set(back, ""),
            { Key: Key.Backspace } when filter.Length > 0 => Set(state, filter[..^1]),
            { Key: Key.Character } when filter.Length < LongestFilter => Set(state, filter + key.Character),
            _ => state,
        };

        TopState Set(TopState to, string text) =>
            inDetails ? to with { FlowFilter = text, Scrolled = 0 } : to with { Filter = text };
    }

    /// <summary>
    /// Asks about the selected sender or peer. If another row is selected, about the one that waits there, or the only
    /// one that waits at all.
    /// </summary>
    private static TopState Ask(TopState state, bool approve)
    {
        var rows = state.Rows();
        var selected = rows.Count > 0 ? rows[state.SelectedIndex(rows)] : null;
        var pending = state.Data.Pending;
        var here = pending.Where(w => w.Place == selected?.Name).ToList();
        var meant =
            selected?.Waiting is { } one && state.Mode == TopMode.List ? [one]
            : selected?.Relay is not null || here.Count > 0 ? here
            : pending;
        return meant.Count switch
        {
            0 => state.Say("nobody waits here"),
            1 => state with { Mode = TopMode.Confirm, Question = new Decision(meant[0], approve) },
            _ => state.Say($"{meant.Count} wait: select one in the list first"),
        };
    }

    private static (TopState State, Decision? Decided, bool Quit) Confirm(TopState state, KeyPress key)
    {
        var question = state.Question!;
        var after = state with { Mode = state.DetailsOf.Length > 0 ? TopMode.Details : TopMode.List, Question = null };
        return key switch
        {
            { Key: Key.Character, Character: 'y' or 'Y' } => (after.Say("..."), question, false),
            { Key: Key.Character, Character: 'o' or 'O' } when question.Approve => (
                after.Say("..."),
                question with
                {
                    Once = true,
                },
                false
            ),
            { Key: Key.Character, Character: 'n' or 'N' or 'q' } or { Key: Key.Escape } => (
                after.Say($"{question.Who.Identity} still waits", Style.Plain),
                null,
                false
            ),
            _ => (state, null, false),
        };
    }
}
