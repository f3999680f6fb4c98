// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Events;

/// <summary>
/// The last events of one kind, oldest first. When it is full, the oldest event of whatever has most events in it goes,
/// so that one tunnel, relay or limit pushes out no other's.
/// </summary>
/// <param name="capacity">How many.</param>
internal sealed class EventRing(int capacity)
{
    private readonly List<Event> _events = new(capacity);

    /// <summary>Remembers an event; its sequence number is greater than those before.</summary>
    public void Add(Event e)
    {
        _events.Add(e);
        if (_events.Count > capacity)
        {
            var most = _events.CountBy(CauseOf).MaxBy(c => c.Value).Key;
            _events.RemoveAt(_events.FindIndex(old => CauseOf(old) == most));
        }
    }

    /// <summary>Those after a sequence number.</summary>
    public IEnumerable<Event> After(ulong sequence)
    {
        var first = _events.Count;
        while (first > 0 && _events[first - 1].Sequence > sequence)
        {
            first--;
        }

        return _events.Skip(first);
    }

    private static (string Tunnel, Limit Limit) CauseOf(Event e) => (e.Tunnel, e.Limit);
}
