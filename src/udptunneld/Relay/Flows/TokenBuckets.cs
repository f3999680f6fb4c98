// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// Limits how fast one source address opens flows: a fixed table of token buckets, so that no number of addresses makes
/// it grow. Addresses that share a bucket share its rate; which ones do cannot be known outside, for the hash is
/// seeded. Pure; belongs to one thread.
/// </summary>
/// <param name="rate">Tokens per second.</param>
/// <param name="burst">Tokens at once after a rest.</param>
/// <param name="count">Buckets in the table.</param>
internal sealed class TokenBuckets(
    int rate = TokenBuckets.Rate,
    int burst = TokenBuckets.Burst,
    int count = TokenBuckets.Count
)
{
    /// <summary>Buckets in the table.</summary>
    public const int Count = 4096;

    /// <summary>Flows per second.</summary>
    public const int Rate = 1000;

    /// <summary>Flows at once after a rest.</summary>
    public const int Burst = 2000;

    // In thousandths, so that a millisecond brings a whole number at any rate.
    private const int Scale = 1000;

    private readonly SeededHash _hash = new();
    private readonly long[] _levels = [.. Enumerable.Repeat(burst * (long)Scale, count)];
    private readonly long[] _filled = new long[count];

    /// <summary>Takes tokens for an address.</summary>
    /// <param name="high">First half of the IPv6 address; 0 for IPv4. A host owns all addresses of its /64.</param>
    /// <param name="low">Second half; counts for IPv4 only.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="tokens">How many, at most the burst.</param>
    /// <returns>False, and none is taken, if there are fewer left.</returns>
    public bool TryTake(ulong high, ulong low, long now, int tokens = 1)
    {
        var bucket = (int)(_hash.Of(high, high == 0 ? low : 0) % (uint)count);
        ref var level = ref _levels[bucket];
        var elapsed = Math.Max(0, now - _filled[bucket]);
        _filled[bucket] = now;
        var most = burst * (long)Scale;
        level = elapsed >= (most / rate) + 1 ? most : Math.Min(most, level + (elapsed * rate));
        if (level < tokens * (long)Scale)
        {
            return false;
        }

        level -= tokens * (long)Scale;
        return true;
    }
}
