// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Flows;

namespace UdpTunnel.Tests.Relay;

public sealed class TokenBucketsTests
{
    [Fact]
    public void After_the_burst_tokens_come_at_the_rate()
    {
        var buckets = new TokenBuckets();
        Assert.Equal(TokenBuckets.Burst, Take(buckets, 1, 0, 10_000));
        Assert.Equal(0, Take(buckets, 1, 0, 10));
        Assert.Equal(TokenBuckets.Rate / 2, Take(buckets, 1, 500, 10_000));
        Assert.Equal(TokenBuckets.Rate, Take(buckets, 1, 1500, 10_000));
    }

    [Fact]
    public void A_rest_fills_no_more_than_a_burst()
    {
        var buckets = new TokenBuckets();
        Take(buckets, 1, 0, 10_000);
        Assert.Equal(TokenBuckets.Burst, Take(buckets, 1, long.MaxValue / 2_000_000, 10_000));
    }

    [Fact]
    public void A_clock_that_goes_back_gives_nothing()
    {
        var buckets = new TokenBuckets();
        Take(buckets, 1, 10_000, 10_000);
        Assert.Equal(0, Take(buckets, 1, 0, 10));
    }

    [Fact]
    public void All_addresses_of_one_ipv6_network_share_a_bucket()
    {
        var buckets = new TokenBuckets();
        var taken = Enumerable.Range(0, 5000).Count(i => buckets.TryTake(0x2001_0DB8_0000_0001, (ulong)i, 0));
        Assert.Equal(TokenBuckets.Burst, taken);
    }

    [Fact]
    public void Addresses_of_ipv4_have_buckets_of_their_own()
    {
        var buckets = new TokenBuckets();
        Take(buckets, 1, 0, 10_000);
        Assert.InRange(Enumerable.Range(2, 1000).Count(i => buckets.TryTake(0, (ulong)i, 0)), 980, 1000);
    }

    private static int Take(TokenBuckets buckets, ulong address, long now, int attempts) =>
        Enumerable.Range(0, attempts).Count(_ => buckets.TryTake(0, address, now));
}
