// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>What handshakes show of the other end.</summary>
public sealed class HandshakeSignsTests
{
    [Fact]
    public void Preshared_keys_that_differ_show_at_both_ends_until_a_handshake_is_completed()
    {
        using var pair = new TestPair();
        pair.LeftPeer.SetPresharedKey([.. Enumerable.Repeat((byte)1, 32)]);
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight());
        pair.Deliver();
        pair.Advance(6_000);
        pair.Deliver();

        Assert.Equal((2, 0), (pair.LeftPeer.Signs.Unverified, pair.LeftPeer.Signs.Answered));
        Assert.Equal((0, 2), (pair.RightPeer.Signs.Unverified, pair.RightPeer.Signs.Answered));

        pair.LeftPeer.SetPresharedKey(new byte[32]);
        pair.Advance(6_000);
        pair.Deliver();

        Assert.True(pair.LeftPeer.HasSession);
        Assert.Equal((0, 0), (pair.LeftPeer.Signs.Unverified, pair.RightPeer.Signs.Answered));
    }

    [Theory]
    [InlineData(-3600)]
    [InlineData(0)]
    [InlineData(86_400)]
    public void The_responder_knows_how_far_the_clocks_are_apart(int seconds)
    {
        using var pair = new TestPair { LeftWallError = TimeSpan.FromSeconds(seconds) };
        pair.Advance(1);
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight());
        pair.Deliver();

        // Timestamps are coarse, 17 ms.
        Assert.InRange(pair.RightPeer.Signs.ClockAhead, (seconds * 1000L) - 17, seconds * 1000L);
        Assert.Equal(HandshakeSigns.Unknown, pair.LeftPeer.Signs.ClockAhead);
    }

    [Fact]
    public void A_clock_that_was_set_back_shows_at_the_responder()
    {
        using var pair = new TestPair { LeftWallError = TimeSpan.FromHours(1) };
        pair.Advance(1);
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight());
        pair.Deliver();
        Assert.Equal(0, pair.RightPeer.Signs.StaleBy);

        pair.LeftWallError = TimeSpan.Zero;
        pair.RestartLeft(keepsTimestamps: false);
        pair.Advance(10_000);
        pair.Left.Send(pair.LeftPeer, TestPair.ToRight());
        pair.Deliver();

        Assert.InRange(pair.RightPeer.Signs.StaleBy, 3_580_000, 3_600_000);
    }

    [Fact]
    public void Moments_that_no_clock_shows_are_far_and_no_more()
    {
        var now = Tai64n.From(DateTimeOffset.UnixEpoch.AddYears(56));

        Assert.Equal(1500, new Tai64n(now.Seconds + 1, 500_000_000).MillisecondsAfter(now));
        Assert.Equal(-1000, now.MillisecondsAfter(new Tai64n(now.Seconds + 1, 0)));
        var most = TimeSpan.FromMilliseconds(new Tai64n(ulong.MaxValue, uint.MaxValue).MillisecondsAfter(now));
        Assert.InRange(most.TotalDays, 3_650_000, 3_650_001);
        Assert.InRange(
            TimeSpan.FromMilliseconds(new Tai64n(0, 0).MillisecondsAfter(now)).TotalDays,
            -3_650_001,
            -3_650_000
        );
    }
}
