// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>Waits for what takes its time, and no longer than it takes.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    /// <summary>Asks again and again until it is so.</summary>
    /// <param name="condition">What to wait for.</param>
    /// <param name="otherwise">What to say if it does not come.</param>
    public static Task BecomesTrueAsync(Func<bool> condition, Func<string> otherwise) =>
        BecomesTrueAsync(() => Task.FromResult(condition()), otherwise);

    /// <summary>Asks again and again until it is so.</summary>
    public static async Task BecomesTrueAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            if (waited.Elapsed > Patience)
            {
                Assert.Fail($"after {waited.Elapsed.TotalSeconds:0} s: {otherwise()}");
            }

            await Task.Delay(Interval, TestContext.Current.CancellationToken);
        }
    }
}
