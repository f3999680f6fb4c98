// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tunnel;

/// <summary>
/// When what is kept over a restart is saved: whenever there is something new, and once a minute while packets
/// flow.
/// </summary>
internal sealed class SessionSchedule
{
    private static readonly long Interval = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

    private long _saved;
    private long _generation;
    private long _changes;
    private TrafficTotals _totals;

    public bool IsDue(long now, long generation, long changes, in TrafficTotals totals)
    {
        var isNew = generation != _generation || changes != _changes;

        // Flows that go on are used again and again: what was saved about them must not look expired.
        var isOld = now - _saved >= Interval && totals != _totals;
        if (!isNew && !isOld)
        {
            return false;
        }

        _generation = generation;
        _changes = changes;
        _totals = totals;
        _saved = now;
        return true;
    }
}
