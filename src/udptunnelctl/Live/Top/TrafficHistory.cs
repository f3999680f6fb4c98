// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>
/// The last rates of one tunnel, relay or flow, the oldest first, and the total that the next one is measured from.
/// </summary>
/// <param name="Total">At <paramref name="Time"/>.</param>
/// <param name="Time">Of the last sample.</param>
/// <param name="Rates">At most <see cref="Length"/>.</param>
internal sealed record TrafficHistory(TrafficTotal Total, DateTimeOffset Time, TrafficRate[] Rates)
{
    /// <summary>Samples that are kept: as many as the widest terminals have columns.</summary>
    public const int Length = 240;

    /// <summary>The last rate.</summary>
    public TrafficRate Now => Rates.Length > 0 ? Rates[^1] : default;

    /// <summary>A history that begins.</summary>
    public static TrafficHistory From(TrafficTotal total, DateTimeOffset time) => new(total, time, []);

    /// <summary>This history and one more sample; unchanged if the clock did not go on.</summary>
    /// <param name="total">At <paramref name="time"/>.</param>
    /// <param name="time">When.</param>
    /// <param name="most">Samples that are kept.</param>
    public TrafficHistory Add(TrafficTotal total, DateTimeOffset time, int most = Length)
    {
        if (time <= Time)
        {
            return this;
        }

        var kept = Rates.AsSpan(Math.Max(0, Rates.Length - most + 1));
        return new TrafficHistory(total, time, [.. kept, total.Since(Total, time - Time)]);
    }
}
