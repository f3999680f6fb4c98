namespace UdpTunnel.Events;

/// <summary>The last events of some kinds, oldest first; a new one takes the place of the oldest.</summary>
/// <param name="capacity">How many.</param>
internal sealed class EventRing(int capacity)
{
    private readonly Event[] _events = new Event[capacity];
    private long _added;

    /// <summary>Remembers an event; its sequence number is greater than those before.</summary>
    public void Add(Event e) => _events[_added++ % capacity] = e;

    /// <summary>Those after a sequence number.</summary>
    public IEnumerable<Event> After(ulong sequence)
    {
        for (var i = Math.Max(0, _added - capacity); i < _added; i++)
        {
            if (_events[i % capacity] is var e && e.Sequence > sequence)
            {
                yield return e;
            }
        }
    }
}
