// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>What the kernel knows about the wall clock (adjtimex(2)).</summary>
internal static unsafe class SystemClock
{
    /// <summary><c>struct timex</c> on 64-bit machines; all of it zero only asks.</summary>
    private const int TimexSize = 208;

    private const int TIME_ERROR = 5;

    /// <summary>Whether something such as NTP keeps it right.</summary>
    public static bool IsSynchronised()
    {
        var timex = stackalloc byte[TimexSize];
        new Span<byte>(timex, TimexSize).Clear();
        var state = Libc.AdjustClock(timex);
        return state is >= 0 and not TIME_ERROR;
    }
}
