// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay;

/// <summary>
/// How long to wait before the next attempt: from half a second doubling to 10 s, each somewhere between half of it and
/// all of it, so that many senders do not come back at the same moment. An attempt costs a receiver little, and whoever
/// has started it again waits for its sender. Pure.
/// </summary>
/// <param name="random">Gives 0 up to 1.</param>
internal sealed class Backoff(Func<double> random)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private TimeSpan _next = First;

    /// <summary>The wait before the next attempt.</summary>
    public TimeSpan Next()
    {
        var wait = _next * (0.5 + (random() / 2));
        _next = TimeSpan.FromTicks(Math.Min(_next.Ticks * 2, Longest.Ticks));
        return wait;
    }

    /// <summary>An attempt succeeded.</summary>
    public void Reset() => _next = First;
}
