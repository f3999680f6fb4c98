// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>
/// Which counters of a session have been seen: the newest one and 8,128 before it, one bit each (RFC 6479: a ring of
/// words, of which those that the newest counter has jumped over are cleared as a whole, so that nothing is ever
/// shifted). What is older counts as seen.
/// </summary>
/// <remarks>
/// For one thread at a time; with several workers on a tunnel, the one lock that a session needs is around
/// <see cref="Accept"/>.
/// </remarks>
internal sealed class ReplayWindow
{
    /// <summary>How much older than the newest a counter may be.</summary>
    public const ulong Size = (Words - 1) * WordBits;

    private const int Words = 128;
    private const int WordBits = 64;
    private const ulong WordMask = Words - 1;

    private readonly ulong[] _seen = new ulong[Words];
    private ulong _newest;

    /// <summary>
    /// Whether a counter has not been seen, without taking note of it: what follows may still show that it is forged.
    /// </summary>
    public bool IsNew(ulong counter) =>
        counter > _newest
        || (_newest - counter <= Size && (_seen[(counter / WordBits) & WordMask] & Bit(counter)) == 0);

    /// <summary>Takes note of a counter whose message is authentic.</summary>
    /// <returns>False if it has been seen.</returns>
    public bool Accept(ulong counter)
    {
        if (!IsNew(counter))
        {
            return false;
        }

        ulong word = counter / WordBits;
        if (counter > _newest)
        {
            ulong passed = Math.Min(word - (_newest / WordBits), Words);
            for (ulong i = 0; i < passed; i++)
            {
                _seen[(word - i) & WordMask] = 0;
            }

            _newest = counter;
        }

        _seen[word & WordMask] |= Bit(counter);
        return true;
    }

    private static ulong Bit(ulong counter) => 1UL << (int)(counter % WordBits);
}
