// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Hosting;

namespace UdpTunnel.Api;

/// <summary>A length of time that a request names, within its bounds.</summary>
/// <param name="least">The smallest.</param>
/// <param name="most">The greatest.</param>
/// <param name="usual">What is meant if none is given.</param>
/// <param name="error">What is said about another one.</param>
internal sealed class RequestedTime(TimeSpan least, TimeSpan most, TimeSpan usual, string error)
{
    /// <summary>The interval of a stream of counters.</summary>
    public static readonly RequestedTime WatchInterval = new(
        TimeSpan.FromMilliseconds(100),
        TimeSpan.FromHours(1),
        TimeSpan.FromSeconds(1),
        "the interval must be 100 ms to 1 h"
    );

    /// <summary>How long an invitation is good.</summary>
    public static readonly RequestedTime Validity = new(
        TimeSpan.FromMinutes(1),
        TimeSpan.FromDays(30),
        TimeSpan.FromDays(1),
        "an invitation is good for 1 min to 30 days"
    );

    /// <summary>How long debug messages are written.</summary>
    public static readonly RequestedTime Debugging = new(
        TimeSpan.FromSeconds(1),
        TimeSpan.FromDays(1),
        TimeSpan.FromMinutes(10),
        "debug messages are written for 1 s to 24 h"
    );

    /// <summary>How long the answer to a ping is waited for.</summary>
    public static readonly RequestedTime Answer = new(
        TimeSpan.FromMilliseconds(10),
        TimeSpan.FromMinutes(1),
        TimeSpan.FromSeconds(2),
        "an answer is waited for 10 ms to 1 min"
    );

    /// <summary>Reads it.</summary>
    /// <exception cref="RequestException">It is none, or out of bounds.</exception>
    public TimeSpan Read(Duration? duration)
    {
        if (duration is null)
        {
            return usual;
        }

        // By its fields: the conversion throws for what is no duration, and rounds.
        var isOne =
            duration.Seconds >= 0
            && duration.Seconds <= most.TotalSeconds
            && duration.Nanos is >= 0 and < Duration.NanosecondsPerSecond;
        var nanoseconds = isOne ? (duration.Seconds * Duration.NanosecondsPerSecond) + duration.Nanos : -1;
        return nanoseconds >= Nanoseconds(least) && nanoseconds <= Nanoseconds(most)
            ? duration.ToTimeSpan()
            : throw new RequestException(Fault.InvalidRequest, error);
    }

    private static long Nanoseconds(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;
}
