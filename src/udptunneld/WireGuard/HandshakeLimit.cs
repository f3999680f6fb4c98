// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;

namespace UdpTunnel.WireGuard;

/// <summary>How much work strangers may cause by handshakes.</summary>
/// <param name="CheapRate">Handshakes a second that are answered without asking for a cookie.</param>
/// <param name="CheapBurst">
/// How many of them may come at once: all peers after a restart of this end, for example.
/// </param>
/// <param name="SourceRate">
/// Handshakes a second of one source address (IPv6: of one /64) that are answered under load.
/// </param>
/// <param name="SourceBurst">How many of them may come at once.</param>
/// <param name="TotalRate">Handshakes a second that are answered under load at all.</param>
/// <param name="TotalBurst">How many of them may come at once.</param>
internal sealed record HandshakeRates(
    int CheapRate = 500,
    int CheapBurst = 256,
    int SourceRate = 20,
    int SourceBurst = 5,
    int TotalRate = 2000,
    int TotalBurst = 512
);

/// <summary>
/// The load test: a handshake costs this end four agreements, about a quarter of a millisecond. While few come, all are
/// answered. When more come than that, for a second at least, a sender has to show by a cookie that it is where it
/// says; then there is a rate for its address, and one for all.
/// </summary>
/// <remarks>
/// Rates are token buckets. Those of addresses lie in a table of fixed size; an address finds no place while all that
/// it could take belong to addresses that were at work a moment ago. Nobody is pushed out. For one thread at a time.
/// </remarks>
internal sealed unsafe class HandshakeLimit : IDisposable
{
    /// <summary>How long load is said to last after its last sign.</summary>
    public const long LoadTime = 1000;

    private const uint Buckets = 2048;
    private const int PlacesPerBucket = 4;

    private readonly SeededHash _hash = new();
    private readonly HandshakeRates _rates;
    private readonly NativeBuffer _memory = new(Buckets * PlacesPerBucket * (nuint)sizeof(Source));
    private TokenBucket _cheap;
    private TokenBucket _total;
    private long _loadUntil = long.MinValue;

    /// <param name="rates">What is allowed.</param>
    public HandshakeLimit(HandshakeRates rates)
    {
        _rates = rates;
    }

    /// <summary>Counts a handshake message with a right mac1.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>Whether there is load, so that its sender must have a cookie.</returns>
    public bool CountAndTestLoad(long now)
    {
        if (!_cheap.TryTake(now, _rates.CheapRate, _rates.CheapBurst))
        {
            _loadUntil = now + LoadTime;
        }

        return now < _loadUntil;
    }

    /// <summary>Whether a sender that has shown a cookie is answered.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public bool Admit(in Endpoint source, long now)
    {
        (ulong high, ulong low) = source.AddressBits;

        // A host has 2^64 addresses of its own in IPv6, and one in IPv4 (which stands here in its mapped form, with
        // nothing in the upper half).
        low = high == 0 ? low : 0;
        Source* place = Find(high, low, now);
        return place != null
            && place->Tokens.TryTake(now, _rates.SourceRate, _rates.SourceBurst)
            && _total.TryTake(now, _rates.TotalRate, _rates.TotalBurst);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private Source* Find(ulong high, ulong low, long now)
    {
        Source* place = (Source*)_memory.Start + ((nuint)(_hash.Of(high, low) % Buckets) * PlacesPerBucket);
        Source* free = null;
        for (int i = 0; i < PlacesPerBucket; i++, place++)
        {
            if (place->High == high && place->Low == low)
            {
                return place;
            }

            // A full bucket says no more than none at all.
            if (free == null && place->Tokens.IsFull(now, _rates.SourceRate, _rates.SourceBurst))
            {
                free = place;
            }
        }

        if (free != null)
        {
            *free = new Source { High = high, Low = low };
        }

        return free;
    }

    private struct Source
    {
        public ulong High;
        public ulong Low;
        public TokenBucket Tokens;
    }
}

/// <summary>
/// A token bucket that starts full, also where its memory is only zeroed. Counts what is missing, in milliseconds of
/// its rate.
/// </summary>
internal struct TokenBucket
{
    private const int TokenCost = 1000;

    private long _missing;
    private long _since;

    /// <summary>Takes a token.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="rate">Tokens a second.</param>
    /// <param name="burst">Tokens of a full bucket.</param>
    /// <returns>Whether there was one.</returns>
    public bool TryTake(long now, int rate, int burst)
    {
        Refill(now, rate);
        if (_missing + TokenCost > (long)burst * TokenCost)
        {
            return false;
        }

        _missing += TokenCost;
        return true;
    }

    /// <summary>Whether all tokens are there.</summary>
    public bool IsFull(long now, int rate, int burst)
    {
        Refill(now, rate);
        return burst > 0 && _missing == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Refill(long now, int rate)
    {
        _missing = Math.Max(0, _missing - (Math.Min(now - _since, int.MaxValue) * rate));
        _since = now;
    }
}
