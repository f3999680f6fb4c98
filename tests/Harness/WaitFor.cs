// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Harness;

/// <summary>Waits for what must become true, and fails if it does not in time.</summary>
internal static class WaitFor
{
    /// <summary>For what normally takes a moment, on a machine that has much else to do.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(30);

    /// <summary>Waits until a condition holds.</summary>
    /// <returns>How long it took.</returns>
    public static async Task<TimeSpan> TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? deadline = null)
    {
        var clock = Stopwatch.StartNew();
        var limit = deadline ?? Patience;
        while (!await condition())
        {
            if (clock.Elapsed > limit)
            {
                Assert.Fail($"waited {limit.TotalSeconds} s for {what}");
            }

            await Task.Delay(Interval);
        }

        return clock.Elapsed;
    }

    /// <summary>Waits until a condition holds.</summary>
    /// <returns>How long it took.</returns>
    public static Task<TimeSpan> TrueAsync(Func<bool> condition, string what, TimeSpan? deadline = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, deadline);

    /// <summary>Asks again and again, until the answer is right.</summary>
    /// <param name="ask">Gives the answer.</param>
    /// <param name="isRight">Judges it.</param>
    /// <param name="what">For people.</param>
    /// <param name="deadline">How long at the most.</param>
    /// <returns>The answer.</returns>
    public static async Task<T> AnswerAsync<T>(
        Func<Task<T>> ask,
        Func<T, bool> isRight,
        string what,
        TimeSpan? deadline = null
    )
    {
        var clock = Stopwatch.StartNew();
        var limit = deadline ?? Patience;
        while (true)
        {
            var answer = await ask();
            if (isRight(answer))
            {
                return answer;
            }

            if (clock.Elapsed > limit)
            {
                Assert.Fail($"waited {limit.TotalSeconds} s for {what}; last: {answer}");
            }

            await Task.Delay(Interval);
        }
    }
}
