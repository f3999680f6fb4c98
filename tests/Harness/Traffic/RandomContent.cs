// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>
/// Endless content that does not compress and never repeats, the same for the same seed (SplitMix64).
/// </summary>
internal struct RandomContent(ulong seed)
{
    private ulong _state = seed;

    /// <summary>Fills a buffer, whose length is a multiple of 8.</summary>
    public void Fill(Span<byte> buffer)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(buffer))
        {
            _state += 0x9E3779B97F4A7C15;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            word = mixed ^ (mixed >> 31);
        }
    }
}
