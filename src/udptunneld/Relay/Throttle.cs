namespace UdpTunnel.Relay;

/// <summary>Lets only so many things through in each interval, so that strangers cannot fill the log. Pure; the caller keeps one call at a time.</summary>
/// <param name="most">How many.</param>
/// <param name="interval">In how long.</param>
internal sealed class Throttle(int most, TimeSpan interval)
{
    private DateTimeOffset _began;
    private int _count;

    /// <summary>Whether one more may go through.</summary>
    public bool TryPass(DateTimeOffset now)
    {
        if (now - _began >= interval || now < _began)
        {
            _began = now;
            _count = 0;
        }

        return _count++ < most;
    }
}
