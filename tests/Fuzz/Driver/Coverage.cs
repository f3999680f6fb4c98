// SPDX-License-Identifier: BSD-3-Clause

using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace UdpTunnel.Tests.Fuzz.Driver;

/// <summary>
/// Which branches an input has taken that none before has, and how often, in steps of powers of two (as AFL counts).
/// Instrumented code counts into one map of bytes; without instrumentation the map stays empty, and nothing is ever
/// new.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int MapSize = 1 << 16;

    // Lives as long as the program: instrumented code writes to it whenever it runs.
    private static readonly byte* Map = (byte*)NativeMemory.AlignedAlloc(MapSize, 64);

    private readonly byte[] _seen = new byte[MapSize];

    /// <summary>Branches that were taken.</summary>
    public int Branches => _seen.Count(steps => steps != 0);

    /// <summary>Gives instrumented code its map, which it needs before it runs for the first time.</summary>
    public static void Attach() => Trace.SharedMem = Map;

    /// <summary>Forgets the last input, and counts what follows.</summary>
    public static void Clear()
    {
        Trace.PrevLocation = 0;
        new Span<byte>(Map, MapSize).Clear();
    }

    /// <summary>Whether the last input has gone where none before has.</summary>
    public bool TakeNew()
    {
        var isNew = false;
        var words = new ReadOnlySpan<ulong>(Map, MapSize / sizeof(ulong));
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i] == 0)
            {
                continue;
            }

            for (var at = i * sizeof(ulong); at < (i + 1) * sizeof(ulong); at++)
            {
                var step = Map[at] == 0 ? 0 : 1 << BitOperations.Log2(Map[at]);
                if ((_seen[at] & step) != step)
                {
                    _seen[at] |= (byte)step;
                    isNew = true;
                }
            }
        }

        return isNew;
    }
}
