// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Live;
using UdpTunnel.Cli.Live.Top;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class TopKeysTests
{
    /// <summary>Presses characters one after the other; <c>\r</c> is Enter, <c>\x1b</c> is Escape.</summary>
    internal static (TopState State, Decision? Decided, bool Quit) Press(TopState state, string keys)
    {
        (TopState State, Decision? Decided, bool Quit) result = (state, null, false);
        foreach (var c in keys)
        {
            result = TopKeys.Press(
                result.State,
                c switch
                {
                    '\r' => new KeyPress(Key.Enter),
                    '\x1b' => new KeyPress(Key.Escape),
                    '\b' => new KeyPress(Key.Backspace),
                    _ => KeyPress.Of(c),
                }
            );
        }

        return result;
    }

    /// <summary>Any key but a hangup.</summary>
    internal static KeyPress Any(Random random) =>
        random.Next(2) == 0
            ? KeyPress.Of("jkgGspfad/?hyon "[random.Next(16)])
            : new KeyPress((Key)random.Next(1, (int)Key.Hangup));

    [Theory]
    [InlineData("j", "t01")]
    [InlineData("jjk", "t01")]
    [InlineData("k", "t00")]
    [InlineData("G", "t29")]
    [InlineData("Gj", "t29")]
    [InlineData("Gg", "t00")]
    public void The_selection_moves_and_stays_in_the_list(string keys, string selected) =>
        Assert.Equal($"name {selected}", Press(TopSamples.WithTunnels(30), keys).State.Selected);

    [Fact]
    public void The_selection_stays_with_its_row_when_the_order_changes()
    {
        var state = Press(TopSamples.WithTunnels(30), "jjss").State;
        var rows = state.Rows();

        Assert.Equal(TopOrder.Drops, state.Order);
        Assert.Equal("t29", rows[0].Name);
        Assert.Equal("t02", rows[state.SelectedIndex(rows)].Name);
    }

    [Fact]
    public void The_most_silent_come_first_if_asked() =>
        Assert.Equal("t29", Press(TopSamples.WithTunnels(30), "sss").State.Rows()[0].Name);

    [Fact]
    public void A_filter_keeps_what_contains_it_until_it_is_cleared()
    {
        var filtered = Press(TopSamples.WithTunnels(30), "fT2\r").State;

        Assert.Equal(10, filtered.Rows().Count);
        Assert.Equal(TopMode.List, filtered.Mode);
        Assert.Equal(30, Press(filtered, "\x1b").State.Rows().Count);
        Assert.Equal(30, Press(filtered, "f\b\b\r").State.Rows().Count);
    }

    [Fact]
    public void Keys_that_are_typed_into_the_filter_do_nothing_else()
    {
        var (state, _, quit) = Press(TopSamples.WithTunnels(3), "fqadps");

        Assert.False(quit);
        Assert.Equal("qadps", state.Filter);
        Assert.Null(state.Frozen);
    }

    [Theory]
    [InlineData("\rs", nameof(FlowOrder.Rate))]
    [InlineData("\rss", nameof(FlowOrder.Name))]
    [InlineData("\rsss", nameof(FlowOrder.Idle))]
    [InlineData("j\rs", nameof(FlowOrder.Name))]
    public void Flows_are_sorted_in_the_details_by_rate_where_they_have_one(string keys, string order)
    {
        var state = Press(TopSamples.State(), keys[..(keys.IndexOf('\r', StringComparison.Ordinal) + 1)]).State;
        var flows =
            state.DetailsOf == "dns"
                ? new FlowList([], [RelaySamples.Flow(1)], 1)
                : new FlowList([Samples.Flow()], [], 1);
        state = Press(
            state with
            {
                Live = state.Live.WithFlows(flows, Samples.Now),
            },
            keys[(keys.IndexOf('\r', StringComparison.Ordinal) + 1)..]
        ).State;

        Assert.Equal(order, state.FlowOrder.ToString());
        Assert.Equal(TopOrder.Name, state.Order);
    }

    [Fact]
    public void Escape_clears_the_filter_of_flows_before_it_leaves_the_details()
    {
        var filtered = Press(TopSamples.State(), "fo\r\rfx\r").State;
        Assert.Equal(("x", "o"), (filtered.FlowFilter, filtered.Filter));

        var cleared = Press(filtered, "\x1b").State;
        Assert.Equal(("", TopMode.Details), (cleared.FlowFilter, cleared.Mode));
        var left = Press(cleared, "\x1b").State;
        Assert.Equal(("o", TopMode.List, ""), (left.Filter, left.Mode, left.DetailsOf));
    }

    [Fact]
    public void A_paused_view_stands_still_and_catches_up()
    {
        var paused = Press(TopSamples.WithTunnels(3), "p").State;
        var later = paused with { Live = paused.Live.With(new([], []), Samples.Now.AddSeconds(1)) };

        Assert.Equal(3, later.Rows().Count);
        Assert.Empty(Press(later, "p").State.Rows());
    }

    [Fact]
    public void Nobody_is_let_in_without_a_yes()
    {
        foreach (var keys in new[] { "a", "an", "a\x1b", "aq", "a\r", "aa", "a ", "d", "dn", "do" })
        {
            Assert.Null(Press(TopSamples.State(), keys).Decided);
        }
    }

    [Theory]
    [InlineData("ay", true, false)]
    [InlineData("ao", true, true)]
    [InlineData("dy", false, false)]
    public void A_yes_decides_about_the_sender_that_waits(string keys, bool approve, bool once) =>
        Assert.Equal(
            new Decision(new Waiting(RelaySamples.Sender()), approve, once),
            Press(TopSamples.State(), keys).Decided
        );

    [Fact]
    public void The_sender_that_was_asked_about_is_the_one_that_is_let_in()
    {
        var asked = Press(TopSamples.State(), "a").State;
        var other = RelaySamples.Sender(fingerprint: RelaySamples.OtherKey);
        var changed = asked with { Live = asked.Live.With([other]) };

        Assert.Equal(RelaySamples.Key, Press(changed, "y").Decided?.Who.Identity);
    }

    [Fact]
    public void Of_several_senders_one_has_to_be_selected()
    {
        var state = TopSamples.State();
        var senders = new[] { RelaySamples.Sender(), RelaySamples.Sender(fingerprint: RelaySamples.OtherKey) };
        state = state with { Live = state.Live.With(senders) };

        var unclear = Press(state, "ay");
        Assert.Null(unclear.Decided);
        Assert.Contains("2 wait", Press(state, "a").State.Message, StringComparison.Ordinal);
        Assert.Equal(RelaySamples.OtherKey, Press(state, "Gay").Decided?.Who.Identity);
    }

    [Fact]
    public void A_sender_that_is_not_pending_cannot_be_asked_about()
    {
        var state = TopSamples.State();
        state = state with { Live = state.Live.With([RelaySamples.Sender(SenderState.Connected)]) };

        Assert.Equal("nobody waits here", Press(state, "a").State.Message);
    }

    [Theory]
    [InlineData("q", true)]
    [InlineData("j\rq", true)]
    [InlineData("aq", false)]
    [InlineData("?q", false)]
    public void Q_quits_where_it_is_no_answer(string keys, bool quits) =>
        Assert.Equal(quits, Press(TopSamples.State(), keys).Quit);

    [Fact]
    public void A_hangup_quits_from_everywhere() =>
        Assert.True(TopKeys.Press(Press(TopSamples.State(), "a").State, new KeyPress(Key.Hangup)).Quit);
}
