// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed class PathMtuSearchTests
{
    private const int Floor = 532;
    private const int RoundTrip = 20;

    [Fact]
    public void Whatever_the_path_carries_is_found_exactly_within_a_second() => Randomised.Check(2000, random =>
        {
            int ceiling = random.OneOf(532, 533, 1300, 1456, 8956, 65_491);
            var path = new Path(ceiling) { Carries = Floor + random.Next(ceiling - Floor + 50) };

            path.RunTo(1000);

            Assert.Equal(Math.Min(path.Carries, ceiling), path.Search.Found);
            Assert.Equal(path.Carries < ceiling, path.Search.IsLimited);
        });

    [Fact]
    public void A_path_that_carries_all_takes_one_round_trip_and_three_probes()
    {
        var path = new Path(1300) { Carries = 1300 };

        path.RunTo(RoundTrip + 1);

        Assert.Equal(1300, path.Search.Found);
        Assert.Equal([1300, 533, 0], path.Sent);
    }

    [Fact]
    public void Where_nobody_answers_nothing_is_learned_and_it_is_tried_less_and_less_often()
    {
        var path = new Path(1300) { Carries = -1 };

        path.RunTo(600_000);

        Assert.Equal(0, path.Search.Found);
        Assert.False(path.Search.IsLimited);
        Assert.InRange(path.Sent.Count, 3 * 10, 3 * 18);
    }

    [Fact]
    public void Below_the_floor_nothing_is_believed()
    {
        var path = new Path(1300) { Carries = 100 };

        path.RunTo(1000);

        Assert.Equal(Floor, path.Search.Found);
    }

    [Fact]
    public void A_path_that_shrinks_is_noticed_within_seconds_and_one_that_grows_within_a_minute()
    {
        var path = new Path(1456) { Carries = 1456 };
        path.RunTo(60_000);
        Assert.Equal(1456, path.Search.Found);

        path.Carries = 1236;
        path.RunTo(60_000 + PathMtuSearch.Confirmation + 3000);
        Assert.Equal(1236, path.Search.Found);

        path.Carries = 1400;
        path.RunTo(60_000 + PathMtuSearch.Confirmation + 3000 + PathMtuSearch.FirstRaise + PathMtuSearch.Confirmation);
        Assert.Equal(1400, path.Search.Found);
    }

    [Fact]
    public void A_path_that_is_as_small_as_ever_is_tried_beyond_less_and_less_often()
    {
        var path = new Path(1456) { Carries = 1236 };
        path.RunTo(1000);
        path.Sent.Clear();

        path.RunTo(3_600_000);

        // After 10, 20, 40 … 320 s and then every 10 minutes.
        Assert.InRange(path.Sent.Count(size => size == 1456), 8, 12);
        Assert.Equal(1236, path.Search.Found);
    }

    [Fact]
    public void A_loss_now_and_then_takes_nothing_away_that_is_known()
    {
        var path = new Path(1456) { Carries = 1300 };
        path.RunTo(1000);
        Assert.Equal(1300, path.Search.Found);

        // Never three times in a row of the same length.
        var sent = 0;
        path.Loses = () => sent++ % 3 == 0;
        for (int second = 2; second < 600; second++)
        {
            path.RunTo(second * 1000);
            Assert.Equal(1300, path.Search.Found);
        }
    }

    [Fact]
    public void With_many_losses_the_truth_is_found_in_the_end() => Randomised.Check(50, random =>
        {
            var path = new Path(1456) { Carries = 1300, Loses = () => random.Next(100) < 20 };
            path.RunTo(30_000);
            path.Loses = () => false;

            path.RunTo(1_300_000);

            Assert.Equal(1300, path.Search.Found);
        });

    [Fact]
    public void What_does_not_leave_this_host_is_not_waited_for()
    {
        var path = new Path(8956) { Carries = 1456, Refuses = 1456 };

        path.RunTo(10 * RoundTrip);

        Assert.Equal(1456, path.Search.Found);
    }

    [Fact]
    public void An_outage_changes_nothing()
    {
        var path = new Path(1456) { Carries = 1300 };
        path.RunTo(1000);

        path.Carries = -1;
        path.RunTo(3_600_000);
        Assert.Equal(1300, path.Search.Found);

        path.Carries = 1300;
        path.RunTo(3_800_000);
        Assert.Equal(1300, path.Search.Found);
    }

    [Theory]
    [InlineData(1300, 1300, 4000, 4000)]
    [InlineData(1300, 1236, 4000, 1236)]
    [InlineData(4000, 4000, 1300, 1300)]
    public void Another_ceiling_is_searched_anew(int before, int carries, int after, int found)
    {
        var path = new Path(before) { Carries = Math.Max(carries, carries == before ? after : 0) };
        path.RunTo(1000);

        path.Search.SetCeiling(after, 1000);
        Assert.Equal(carries < before, path.Search.IsLimited);

        path.RunTo(2000);
        Assert.Equal(found, path.Search.Found);
    }

    /// <summary>A path that drops what is too long, with a sender that always has something to send.</summary>
    private sealed class Path(int ceiling)
    {
        private readonly List<(long At, int Index)> _answers = [];
        private long _now;

        public PathMtuSearch Search { get; } = new(Floor, ceiling);

        public int Carries { get; set; }

        public int Refuses { get; init; } = int.MaxValue;

        public Func<bool> Loses { get; set; } = () => false;

        public List<int> Sent { get; } = [];

        public void RunTo(long end)
        {
            for (; _now < end; _now = Math.Min(end, NextAfter(_now)))
            {
                Step();
            }
        }

        private void Step()
        {
            foreach (var answer in _answers.Where(a => a.At <= _now).ToList())
            {
                Search.OnAnswer(answer.Index, _now);
                _answers.Remove(answer);
            }

            if (Search.IsUnderway && _now >= Search.Due)
            {
                Search.End(_now);
                _answers.Clear();
            }

            if (!Search.IsUnderway && _now >= Search.NextAt)
            {
                var sizes = Search.Begin(_now).ToArray();
                Assert.InRange(sizes.Length, 1, PathMtuSearch.MaxProbes);
                Assert.Equal(sizes.OrderDescending(), sizes);
                Sent.AddRange(sizes);
                for (var i = 0; i < sizes.Length; i++)
                {
                    if (sizes[i] > Refuses)
                    {
                        Search.OnRefused(i);
                    }
                    else if (sizes[i] <= Carries && !Loses())
                    {
                        _answers.Add((_now + RoundTrip, i));
                    }
                }
            }
        }

        private long NextAfter(long now)
        {
            var next = Search.IsUnderway ? Search.Due : Search.NextAt;
            next = _answers.Count > 0 ? Math.Min(next, _answers.Min(a => a.At)) : next;
            return Math.Max(next, now + 1);
        }
    }
}
