// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Events;

namespace UdpTunnel.Tests.Events;

public sealed class BoundedLinesTests
{
    private static readonly int Burst = BoundedLines<int, string>.Burst;

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _written = [];
    private readonly BoundedLines<int, string> _lines;

    public BoundedLinesTests()
    {
        _lines = new BoundedLines<int, string>(_time, (line, leftOut) => _written.Add($"{line}+{leftOut}"));
    }

    [Fact]
    public void One_cause_writes_a_burst_and_then_a_line_a_minute_for_as_long_as_it_goes_on()
    {
        for (var second = 0; second < 600; second++)
        {
            _lines.Add(1, $"{second}");
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        // 20 at once, and one at the end of each of ten minutes.
        Assert.InRange(_written.Count, Burst + 9, Burst + 11);
        Assert.Equal(
            600,
            _written.Count
                + _written.Sum(w => int.Parse(w.Split('+')[1], System.Globalization.CultureInfo.InvariantCulture))
        );
    }

    [Fact]
    public void A_cause_takes_no_other_s_lines()
    {
        for (var i = 0; i < 100; i++)
        {
            _lines.Add(1, "flood");
        }

        _lines.Add(2, "other");

        Assert.Equal(Burst + 1, _written.Count);
        Assert.Equal("other+0", _written[^1]);
    }

    [Fact]
    public void After_a_pause_there_is_a_whole_burst_again_and_no_more()
    {
        Flood();
        _time.Advance(TimeSpan.FromMinutes(1));
        _time.Advance(TimeSpan.FromHours(3));
        _written.Clear();

        Flood();

        Assert.Equal(Burst, _written.Count);

        void Flood()
        {
            for (var i = 0; i < 100; i++)
            {
                _lines.Add(1, "flood");
            }
        }
    }

    [Fact]
    public void A_million_causes_write_no_more_than_the_causes_that_are_told_apart()
    {
        for (var i = 1; i <= 1_000_000; i++)
        {
            _lines.Add(i, "one of many");
        }

        Assert.InRange(
            _written.Count,
            BoundedLines<int, string>.MaxCauses,
            BoundedLines<int, string>.MaxCauses + (2 * Burst)
        );

        // Causes of before give way once they have been quiet.
        _time.Advance(TimeSpan.FromHours(1));
        _written.Clear();
        _lines.Add(-1, "new");
        Assert.Equal("new+0", Assert.Single(_written));
    }
}
