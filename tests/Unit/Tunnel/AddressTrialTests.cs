// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class AddressTrialTests
{
    private const int Two = 2;

    private readonly AddressTrial _trial = new();

    [Fact]
    public void A_server_to_which_nothing_is_sent_may_be_silent()
    {
        Assert.Equal(TrialStep.None, _trial.Look(1_000_000, 0, 0, 0, Two));
    }

    [Fact]
    public void A_silent_address_is_asked_and_then_left()
    {
        Assert.Equal(TrialStep.None, _trial.Look(10_100, 0, 10_000, 0, Two));
        Assert.Equal(TrialStep.Ask, _trial.Look(11_100, 0, 10_000, 0, Two));
        Assert.Equal(TrialStep.Ask, _trial.Look(12_100, 0, 10_000, 0, Two));
        Assert.Equal(TrialStep.Leave, _trial.Look(13_100, 0, 10_000, 0, Two));
        Assert.False(_trial.IsRefused);

        // The next one has as long.
        Assert.Equal(TrialStep.Ask, _trial.Look(15_000, 0, 10_000, 0, Two));
        Assert.Equal(TrialStep.Leave, _trial.Look(16_100, 0, 10_000, 0, Two));
    }

    [Fact]
    public void The_only_address_is_neither_asked_nor_left()
    {
        Assert.Equal(TrialStep.None, _trial.Look(99_000, 0, 10_000, 0, addresses: 1));
    }

    [Fact]
    public void An_address_to_which_the_kernel_cannot_send_is_left_at_once_and_the_only_one_looked_up_again()
    {
        Assert.Equal(TrialStep.None, _trial.Look(10_000, 9_000, 0, 0, Two));
        Assert.Equal(TrialStep.Leave, _trial.Look(11_000, 9_000, 10_900, 3, Two));
        Assert.True(_trial.IsRefused);
        Assert.Equal(TrialStep.LookUp, _trial.Look(12_000, 9_000, 10_900, 4, addresses: 1));
    }

    [Fact]
    public void A_datagram_that_was_refused_means_nothing_while_the_server_is_heard()
    {
        Assert.Equal(TrialStep.None, _trial.Look(10_000, 9_000, 0, 0, Two));
        Assert.Equal(TrialStep.None, _trial.Look(11_000, 10_500, 0, 3, Two));
    }

    [Fact]
    public void Each_round_in_vain_takes_longer_and_an_answer_ends_that()
    {
        var left = Run(1_000, 200_000, heard: 0);
        Assert.Equal([4, 7, 13, 19, 31, 43, 67, 91, 121, 151, 181], left.Select(t => t / 1000));

        _ = _trial.Look(201_000, 201_000, 0, 0, Two);
        Assert.Equal([213, 216], Run(210_000, 217_000, heard: 201_000).Select(t => t / 1000));
        Assert.Equal(2, _trial.Tries);
    }

    private List<long> Run(long from, long until, long heard)
    {
        var left = new List<long>();
        for (var now = from; now < until; now += 1000)
        {
            if (_trial.Look(now, heard, from, 0, Two) == TrialStep.Leave)
            {
                left.Add(now);
            }
        }

        return left;
    }
}
