using System.Globalization;
using UdpTunnel.Events;

namespace UdpTunnel.Relay;

/// <summary>
/// Tells what happens at a relay. Events that a peer can bring about as often as it likes are bounded for each kind:
/// after a burst one a minute, with the number of those that were left out, so that nobody on the network fills the
/// log. Any thread.
/// </summary>
/// <param name="events">Where to tell.</param>
/// <param name="relay">Name of the relay.</param>
internal sealed class RelayEvents(EventLog events, string relay)
{
    /// <summary>Events of one kind at once after a rest.</summary>
    public const int Burst = 8;

    /// <summary>From one to the next after that, in milliseconds.</summary>
    public const long Interval = 60_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<EventKind, Allowance> _allowances = [];

    /// <summary>A user of this host, or this program, did something.</summary>
    public void Raise(EventKind kind, EventLevel level, string message) => events.Add(kind, level, relay, message);

    /// <summary>A peer did something.</summary>
    /// <param name="kind">Of the event.</param>
    /// <param name="level">Of the event.</param>
    /// <param name="message">For a person, without a full stop.</param>
    /// <param name="now">Milliseconds of a clock that is never set, such as <see cref="RelayTimes.Now"/>.</param>
    public void RaiseOfPeer(EventKind kind, EventLevel level, string message, long now)
    {
        long leftOut;
        lock (_gate)
        {
            if (!_allowances.TryGetValue(kind, out var allowance))
            {
                _allowances[kind] = allowance = new Allowance { Refilled = now };
            }

            if (!allowance.TryTake(now, out leftOut))
            {
                return;
            }
        }

        var suffix = leftOut == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" ({leftOut:N0} more like it were left out)");
        events.Add(kind, level, relay, message + suffix);
    }

    private sealed class Allowance
    {
        private int _left = Burst;
        private long _leftOut;

        public long Refilled { get; set; }

        public bool TryTake(long now, out long leftOut)
        {
            var intervals = Math.Max(0, (now - Refilled) / Interval);
            Refilled += intervals * Interval;
            _left = (int)Math.Min(Burst, _left + intervals);
            leftOut = 0;
            if (_left == 0)
            {
                _leftOut++;
                return false;
            }

            _left--;
            leftOut = _leftOut;
            _leftOut = 0;
            return true;
        }
    }
}
