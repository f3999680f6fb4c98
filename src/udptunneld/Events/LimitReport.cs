// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Events;

/// <summary>
/// Tells that bounds are hit: each at once and then once a minute at the most while it goes on, with how often it was,
/// so that who hits them fills neither the log nor the ring.
/// </summary>
/// <param name="events">Where to tell.</param>
/// <param name="time">Its monotonic clock counts.</param>
/// <param name="name">The tunnel or relay concerned; empty for the daemon itself.</param>
internal sealed class LimitReport(EventLog events, TimeProvider time, string name)
{
    /// <summary>From one time that a bound is told to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<Limit, (long Total, long? ToldTotal, long ToldAt)> _limits = [];

    /// <summary>Something was refused. Any thread.</summary>
    /// <param name="limit">The bound.</param>
    /// <param name="what">What is at its bound and what becomes of more, without a full stop.</param>
    public void Hit(Limit limit, string what)
    {
        lock (_gate)
        {
            Look(limit, _limits.GetValueOrDefault(limit).Total + 1, what);
        }
    }

    /// <summary>The same where the refused are counted elsewhere. Any thread.</summary>
    /// <param name="limit">The bound.</param>
    /// <param name="total">How often it was hit until now.</param>
    /// <param name="what">What is at its bound and what becomes of more, without a full stop.</param>
    public void Look(Limit limit, long total, string what)
    {
        lock (_gate)
        {
            var (_, toldTotal, toldAt) = _limits.GetValueOrDefault(limit);
            var isNew = total > (toldTotal ?? 0);
            if (isNew && (toldTotal is null || time.GetElapsedTime(toldAt) >= Interval))
            {
                (toldTotal, toldAt) = (total, time.GetTimestamp());
                var often = total.ToString("N0", CultureInfo.InvariantCulture);
                events.Add(
                    EventKind.LimitReached,
                    EventLevel.Warning,
                    name,
                    $"{what} ({often} so far)",
                    new EventFacts { Count = (ulong)total },
                    limit
                );
            }

            _limits[limit] = (total, toldTotal, toldAt);
        }
    }
}

/// <summary>
/// A bound that others can hit. Values and names follow <c>udptunnel.v1.Limit</c>, where each is explained to users.
/// </summary>
internal enum Limit
{
    None = 0,
    Flows = 1,
    FlowRate = 2,
    Queue = 3,
    PendingSenders = 4,
    Descriptors = 5,
    ReceiveBuffer = 6,
    Streams = 7,
    Connections = 8,
    Tunnels = 9,
    Relays = 10,
    PendingPeers = 11,
}
