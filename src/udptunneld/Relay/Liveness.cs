namespace UdpTunnel.Relay;

/// <summary>When to ask a silent peer for a sign of life, and when it is dead. Pure; one thread asks, another tells what it heard.</summary>
internal sealed class Liveness(long now)
{
    private long _heard = now;
    private long _asked = now;

    /// <summary>When the peer was last heard, in milliseconds.</summary>
    public long Heard => Volatile.Read(ref _heard);

    /// <summary>The peer was heard.</summary>
    public void Hear(long now) => Volatile.Write(ref _heard, now);

    /// <summary>Whether it has been silent for too long.</summary>
    public bool IsDead(long now) => now - Heard >= RelayTimes.Dead;

    /// <summary>Whether it is time to ask; if so it counts as asked.</summary>
    public bool ShouldAsk(long now)
    {
        if (now - Heard < RelayTimes.Ping || now - _asked < RelayTimes.Ping)
        {
            return false;
        }

        _asked = now;
        return true;
    }
}
