// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Relay.Link;
using UdpTunnel.Waiting;

namespace UdpTunnel.Tests.Relay;

public sealed class LockStepTests
{
    private static readonly long Microsecond = Stopwatch.Frequency / 1_000_000;

    private readonly LockStep _one = new();
    private bool _answers;
    private long _now;

    [Fact]
    public void Nothing_is_tried_before_questions_and_answers_have_alternated_for_a_while()
    {
        Assert.Equal(
            Enumerable.Repeat(false, LockStep.LeastSteps),
            Enumerable.Range(0, LockStep.LeastSteps).Select(_ => Step(50))
        );
        Assert.True(Step(50));
        Assert.True(Step(50));
    }

    [Fact]
    public void Waits_that_are_long_are_no_lock_step()
    {
        Assert.All(Enumerable.Range(0, 100), _ => Assert.False(Step(600)));
        Learn();
        Assert.True(Step(600));
        Assert.False(Step(50));
    }

    [Fact]
    public void Waits_may_be_as_long_as_waking_every_thread_takes()
    {
        Assert.All(Enumerable.Range(0, LockStep.LeastSteps), _ => Assert.False(Step(400)));
        Assert.True(Step(400));
    }

    [Fact]
    public void A_stream_in_one_direction_is_no_lock_step() => Assert.All(Enumerable.Range(0, 100), _ =>
        {
            Assert.False(_one.Begin(_now));
            _now += 50 * Microsecond;
            _one.End(_now);
            _one.CountSent();
        });

    [Fact]
    public void Several_questions_on_their_way_are_no_lock_step()
    {
        _one.CountSent();
        _one.CountSent();
        Assert.All(Enumerable.Range(0, 100), _ => Assert.False(Step(50)));
    }

    [Fact]
    public void Several_datagrams_at_once_are_no_lock_step() => Assert.All(Enumerable.Range(0, 100), _ =>
        {
            _one.CountSent();
            _one.CountReceived();
            Assert.False(Step(50));
        });

    [Fact]
    public void One_try_is_over_after_a_moment()
    {
        Learn();
        for (var i = 1; i < BusyPoll.FirstTries; i++)
        {
            Assert.True(Step(200));
        }

        Assert.True(_one.Begin(_now));
        Assert.True(_one.GoesOn(_now + (149 * Microsecond)));
        Assert.False(_one.GoesOn(_now + (150 * Microsecond)));
    }

    [Fact]
    public void Who_tries_in_vain_gives_up_for_longer_and_longer_until_a_rest()
    {
        var waits = new List<int>();
        for (var needed = LockStep.LeastSteps; needed <= 4 * BusyPoll.MostSteps; needed *= 2)
        {
            waits.Add(TryInVain());
        }

        // The wait in which it gives up is short, and so the first of the next ones.
        Assert.Equal([2, 3, 7, 15], waits.Take(4));
        Assert.Equal(BusyPoll.MostSteps - 1, waits[^1]);
        Assert.Equal(BusyPoll.MostSteps - 1, waits[^2]);

        Step(2_000_000);
        Assert.Equal(
            Enumerable.Repeat(false, LockStep.LeastSteps),
            Enumerable.Range(0, LockStep.LeastSteps).Select(_ => Step(50))
        );
        Assert.True(Step(50));
    }

    [Fact]
    public void Tries_of_which_each_second_is_in_vain_do_not_pay()
    {
        Learn();
        for (var i = 1; i < BusyPoll.FirstTries; i++)
        {
            Assert.True(Step(50));
        }

        var tries = 0;
        while (Step(tries % 2 == 0 ? 50 : 200))
        {
            tries++;
            Assert.InRange(tries, 0, 4 * BusyPoll.Patience);
        }

        // It has learnt: twice as many waits as before come first.
        Assert.Equal(2, Enumerable.Range(0, 10).TakeWhile(_ => !Step(50)).Count());
    }

    [Fact]
    public void A_run_of_tries_that_paid_makes_up_for_those_in_vain()
    {
        Assert.Equal([2, 3, 7, 15], Enumerable.Range(0, 4).Select(_ => TryInVain()));
        Learn();
        Assert.All(Enumerable.Range(0, 2 * BusyPoll.LeastRun), _ => Assert.True(Step(50)));
        Assert.All(Enumerable.Range(0, BusyPoll.Patience), _ => Assert.True(Step(200)));
        Assert.Equal(3, TryInVain());
    }

    [Fact]
    public void Successful_tries_that_take_longer_than_waking_a_thread_are_over_for_a_second()
    {
        Learn();
        var tries = 0;
        while (Step(140))
        {
            tries++;
            Assert.InRange(tries, 0, 1_000);
        }

        var rested = _now;
        while (!Step(140)) { }

        Assert.InRange(tries, 100, 300);
        Assert.InRange((_now - rested) / Microsecond, 999_000, 1_001_000);
    }

    [Fact]
    public void Tries_that_pay_go_on_although_some_take_long()
    {
        Learn();
        Assert.All(Enumerable.Range(0, 20_000), i => Assert.True(Step(i % 4 == 0 ? 140 : 50)));
    }

    /// <returns>How many waits came before the first try.</returns>
    private int TryInVain()
    {
        var steps = 0;
        while (!Step(200))
        {
            steps++;
        }

        for (var tries = 1; tries < BusyPoll.FirstTries + BusyPoll.Patience; tries++)
        {
            Assert.True(Step(200));
        }

        return steps;
    }

    private void Learn()
    {
        while (!Step(50)) { }
    }

    /// <summary>The thread waits, and an answer or a question comes, by turns.</summary>
    /// <returns>Whether the thread tried.</returns>
    private bool Step(int microseconds)
    {
        var tries = _one.Begin(_now);
        for (var i = 0; tries && i < microseconds && _one.GoesOn(_now + (i * Microsecond)); i++) { }

        _now += microseconds * Microsecond;
        _one.End(_now);
        if (_answers)
        {
            _one.CountReceived();
        }
        else
        {
            _one.CountSent();
        }

        _answers = !_answers;
        return tries;
    }
}
