// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace UdpTunnel.Filter;

/// <summary>
/// A hash of 128 bits to 64 with a secret seed, so that nobody outside can choose flows that all fall into one bucket.
/// Two rounds of a 64 × 64 → 128 bit multiplication whose halves are folded together: two instructions on x86-64 and
/// arm64.
/// </summary>
internal readonly struct SeededHash
{
    // Any odd constant with bits all over does; this one is 2^64 divided by the golden ratio.
    private const ulong SecondRound = 0x9E37_79B9_7F4A_7C15;

    private readonly ulong _seed0;
    private readonly ulong _seed1;
    private readonly ulong _seed2;

    /// <summary>A hash with a seed of its own from the system's random numbers.</summary>
    public SeededHash()
    {
        Span<ulong> seed = stackalloc ulong[3];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(seed));
        (_seed0, _seed1, _seed2) = (seed[0], seed[1], seed[2]);
    }

    /// <summary>The hash; both halves of it are as good as independent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Of(ulong first, ulong second) => Fold(Fold(first ^ _seed0, second ^ _seed1) ^ _seed2, SecondRound);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong x, ulong y)
    {
        ulong high = Math.BigMul(x, y, out ulong low);
        return high ^ low;
    }
}
