// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Relay;

/// <summary>
/// The two clocks of a machine apart: the wall clock, which jumps when somebody sets it, and the monotonic one. Timers
/// are real.
/// </summary>
internal sealed class TwoClocks : TimeProvider
{
    private long _ticks;

    /// <summary>The wall clock.</summary>
    public DateTimeOffset Wall { get; set; } = DateTimeOffset.UnixEpoch.AddYears(56);

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Time passes on the monotonic clock.</summary>
    public void Pass(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Wall;

    /// <inheritdoc/>
    public override long GetTimestamp() => Interlocked.Read(ref _ticks);
}
