// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>The clock that goes on while the host is suspended and is never set (CLOCK_BOOTTIME).</summary>
internal static unsafe class BootClock
{
    private const int CLOCK_BOOTTIME = 7;

    /// <summary>Milliseconds since the host was started. Costs no system call.</summary>
    public static long Milliseconds()
    {
        // struct timespec: seconds and nanoseconds, 64 bits each.
        var time = stackalloc long[2];
        _ = Libc.ClockGetTime(CLOCK_BOOTTIME, time);
        return (time[0] * 1000) + (time[1] / 1_000_000);
    }
}
