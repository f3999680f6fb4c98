namespace UdpTunnel.Relay;

/// <summary>Lets only so many things through in each interval, so that strangers cannot fill the log. Pure; the caller keeps one call at a time.</summary>
/// <param name="most">How many.</param>
/// <param name="interval">In how long, in milliseconds.</param>
internal sealed class Throttle(int most, long interval)
{
    private long _began;
    private int _count;

    /// <summary>Whether one more may go through.</summary>
    /// <param name="now">Milliseconds of a clock that is never set, such as <see cref="RelayTimes.Now"/>.</param>
    public bool TryPass(long now)
    {
        if (now - _began >= interval)
        {
            _began = now;
            _count = 0;
        }

        return _count++ < most;
    }
}
