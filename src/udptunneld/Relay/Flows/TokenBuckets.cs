using UdpTunnel.Filter;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// Limits how fast one source address opens flows: a fixed table of token buckets, so that no number of addresses makes it grow. Addresses that
/// share a bucket share its rate; which ones do cannot be known outside, for the hash is seeded. Pure; belongs to one thread.
/// </summary>
/// <param name="rate">Tokens per second.</param>
/// <param name="burst">Tokens at once after a rest.</param>
/// <param name="count">Buckets in the table.</param>
internal sealed class TokenBuckets(int rate = TokenBuckets.Rate, int burst = TokenBuckets.Burst, int count = TokenBuckets.Count)
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
    private readonly int[] _levels = [.. Enumerable.Repeat(burst * Scale, count)];
    private readonly long[] _filled = new long[count];

    /// <summary>Takes a token for an address.</summary>
    /// <param name="high">First half of the IPv6 address; 0 for IPv4. A host owns all addresses of its /64.</param>
    /// <param name="low">Second half; counts for IPv4 only.</param>
    /// <param name="now">Milliseconds.</param>
    /// <returns>False if there is none left.</returns>
    public bool TryTake(ulong high, ulong low, long now)
    {
        var bucket = (int)(_hash.Of(high, high == 0 ? low : 0) % (uint)count);
        ref var level = ref _levels[bucket];
        var elapsed = Math.Max(0, now - _filled[bucket]);
        _filled[bucket] = now;
        level = (int)Math.Min(burst * (long)Scale, level + (elapsed * rate));
        if (level < Scale)
        {
            return false;
        }

        level -= Scale;
        return true;
    }
}
