// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed class SendBufferTests
{
    private const int MegabitPerSecond = 1_000_000 / 8;

    private readonly SendBuffer _buffer = new();
    private long _now = 1_000_000;
    private long _sent;
    private long _refused;
    private long _waiting;

    [Theory]
    [InlineData(1, SendBuffer.Smallest)]
    [InlineData(10, 10 * MegabitPerSecond / 4)]
    [InlineData(100, SendBuffer.Largest)]
    [InlineData(10_000, SendBuffer.Largest)]
    public void A_link_that_is_never_idle_gets_a_quarter_of_its_second(long megabits, int expected)
    {
        Flood(megabits * MegabitPerSecond, seconds: 10);

        Assert.InRange(_buffer.Size, expected * 3 / 4, expected * 5 / 4);
    }

    [Fact]
    public void A_link_that_becomes_faster_gets_the_large_buffer_again()
    {
        Flood(MegabitPerSecond, seconds: 30);
        Assert.Equal(SendBuffer.Smallest, _buffer.Size);

        Flood(1000L * MegabitPerSecond, seconds: 3);

        Assert.Equal(SendBuffer.Largest, _buffer.Size);
    }

    [Fact]
    public void Little_traffic_on_a_link_of_unknown_rate_changes_nothing()
    {
        for (var second = 0; second < 100; second++)
        {
            Pass(accepted: 1000, waiting: 0);
        }

        Assert.Equal(SendBuffer.Largest, _buffer.Size);
    }

    [Fact]
    public void Bursts_that_lose_packets_on_a_link_that_is_idle_in_between_get_a_larger_buffer()
    {
        Flood(MegabitPerSecond, seconds: 30);
        _waiting = 0;
        for (var second = 0; second < 8; second++)
        {
            _refused++;
            Pass(accepted: 200_000, waiting: 0);
        }

        Assert.Equal(SendBuffer.Largest, _buffer.Size);
    }

    [Fact]
    public void Two_looks_within_a_moment_are_one()
    {
        Flood(MegabitPerSecond, seconds: 30);
        _now += 10;
        _sent += 100_000;

        Assert.False(_buffer.Fit(_now, _sent, _refused, _waiting));
        Assert.Equal(SendBuffer.Smallest, _buffer.Size);
    }

    /// <summary>Gives the link all it takes, keeps the buffer full and loses the rest.</summary>
    private void Flood(long bytesPerSecond, int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            var left = Math.Max(0, _waiting - bytesPerSecond);
            var full = Math.Max(left, 2 * _buffer.Size);
            _refused += 1000;
            Pass(bytesPerSecond - (_waiting - left) + full - left, full);
        }
    }

    private void Pass(long accepted, long waiting)
    {
        _now += 1000;
        _sent += accepted;
        _waiting = waiting;
        _ = _buffer.Fit(_now, _sent, _refused, _waiting);
    }
}
