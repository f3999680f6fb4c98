// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Access;

namespace UdpTunnel.Tests.Access;

public sealed class CallerPlacesTests
{
    private readonly CallerPlaces _places = new(all: 100, perUser: 20);

    [Fact]
    public void One_user_takes_no_more_than_its_own_and_no_other_notices()
    {
        Assert.Equal(20, Fill(new RankedCaller(1000, CallerRank.Other)));
        Assert.Equal(20, Fill(new RankedCaller(1001, CallerRank.Other)));
        Assert.Equal(20, Fill(new RankedCaller(1, CallerRank.Operator)));
    }

    [Fact]
    public void All_who_look_together_leave_half_to_those_who_may_operate_and_these_a_quarter_to_root()
    {
        Assert.Equal(50, Enumerable.Range(1000, 50).Sum(user => Fill(new RankedCaller((uint)user, CallerRank.Other))));
        Assert.Equal(25, Enumerable.Range(1, 50).Sum(user => Fill(new RankedCaller((uint)user, CallerRank.Operator))));
        Assert.Equal(25, Fill(new RankedCaller(0, CallerRank.Daemon)));
    }

    [Fact]
    public void Root_may_take_all_and_then_there_is_none_for_anybody()
    {
        Assert.Equal(100, Fill(new RankedCaller(0, CallerRank.Daemon)));
        Assert.Equal(0, Fill(new RankedCaller(1, CallerRank.Operator)));
        Assert.Equal(0, Fill(new RankedCaller(1000, CallerRank.Other)));
    }

    [Fact]
    public void Bytes_are_taken_as_a_whole_or_not_at_all()
    {
        var caller = new RankedCaller(1000, CallerRank.Other);

        Assert.True(_places.TryTake(caller, 15));
        Assert.False(_places.TryTake(caller, 6));
        Assert.True(_places.TryTake(caller, 5));
        Assert.Equal(20, _places.Taken);
    }

    /// <remarks>A naive model beside it: who holds what, and the four bounds.</remarks>
    [Fact]
    public void Whatever_is_taken_and_given_back_nobody_is_above_a_bound_and_nothing_is_lost()
    {
        var random = new Random(5);
        var held = new Dictionary<RankedCaller, int>();
        for (var i = 0; i < 20_000; i++)
        {
            var user = random.Next(0, 12);
            var caller = new RankedCaller(
                (uint)user,
                user == 0 ? CallerRank.Daemon
                    : user < 5 ? CallerRank.Operator
                    : CallerRank.Other
            );
            if (random.Next(2) == 0)
            {
                var count = random.Next(1, 4);
                var expected = Holds(held, caller, count);
                Assert.Equal(expected, _places.TryTake(caller, count));
                held[caller] = held.GetValueOrDefault(caller) + (expected ? count : 0);
            }
            else if (held.GetValueOrDefault(caller) > 0)
            {
                _places.GiveBack(caller);
                held[caller]--;
            }

            Assert.Equal(held.Values.Sum(), _places.Taken);
        }
    }

    private static bool Holds(Dictionary<RankedCaller, int> held, RankedCaller caller, int count)
    {
        int Of(CallerRank upTo) =>
            held.Where(h => h.Key.Rank <= upTo).Sum(h => h.Value) + (caller.Rank <= upTo ? count : 0);
        return (caller.Rank == CallerRank.Daemon || held.GetValueOrDefault(caller) + count <= 20)
            && (caller.Rank > CallerRank.Other || Of(CallerRank.Other) <= 50)
            && (caller.Rank > CallerRank.Operator || Of(CallerRank.Operator) <= 75)
            && Of(CallerRank.Daemon) <= 100;
    }

    private int Fill(RankedCaller caller)
    {
        var taken = 0;
        while (_places.TryTake(caller))
        {
            taken++;
        }

        return taken;
    }
}
