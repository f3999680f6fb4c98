// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Memory;

/// <summary>
/// What code allocates on the thread that runs it. A garbage collection that another test causes ends the thread's part
/// of the heap, whose rest counts as allocated: the least of several attempts is what the code has allocated.
/// </summary>
internal static class Allocated
{
    private const int Attempts = 5;

    /// <summary>Asserts that something allocates nothing once it is warm.</summary>
    /// <param name="action">Is called again and again.</param>
    /// <param name="warmUps">
    /// Calls before it counts: enough for tiered compilation to have replaced the code, which allocates on its own
    /// account.
    /// </param>
    /// <param name="calls">Calls that are counted together.</param>
    public static void AssertNothing(Action action, int warmUps = 300, int calls = 100)
    {
        for (var i = 0; i < warmUps; i++)
        {
            action();
        }

        var least = long.MaxValue;
        for (var attempt = 0; attempt < Attempts && least != 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < calls; i++)
            {
                action();
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }
}
