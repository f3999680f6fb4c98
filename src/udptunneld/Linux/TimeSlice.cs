// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>How long the scheduler lets a thread run before another one gets its turn (sched_setattr(2)).</summary>
internal static unsafe class TimeSlice
{
    // struct sched_attr: size u32, policy u32, flags u64, nice s32, priority u32, then runtime, deadline and period u64
    // in nanoseconds: 48 bytes, the first version. Since Linux 6.12 the runtime of an ordinary thread is its time
    // slice; before, it means nothing.
    private const int AttributesSize = 48;
    private const int PolicyOffset = 4;
    private const int RuntimeOffset = 24;
    private const int SCHED_OTHER = 0;

    /// <summary>The shortest that the scheduler takes.</summary>
    private const ulong Shortest = 100_000;

    // The C library has these calls only since 2.41. x86-64 has numbers of its own, arm64 the generic table's.
    private static readonly (nint Set, nint Get) Numbers =
        RuntimeInformation.ProcessArchitecture == Architecture.X64 ? (314, 315) : (274, 275);

    /// <summary>
    /// The calling thread takes many short turns instead of few long ones: as much of the processor as before, but
    /// sooner when it has something to do. Without effect where the kernel does not know of it or a sandbox forbids it.
    /// </summary>
    public static void Shorten()
    {
        const int ThisThread = 0;
        var attributes = stackalloc byte[AttributesSize];

        // What else was set, such as a niceness, is to stay.
        if (
            Libc.SystemCall(Numbers.Get, ThisThread, (nint)attributes, AttributesSize, 0) < 0
            || *(int*)(attributes + PolicyOffset) != SCHED_OTHER
        )
        {
            return;
        }

        *(ulong*)(attributes + RuntimeOffset) = Shortest;
        _ = Libc.SystemCall(Numbers.Set, ThisThread, (nint)attributes, 0, 0);
    }
}
