// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay;

/// <summary>
/// When to ask a silent peer for a sign of life, and when it is dead. Pure; one thread asks, another tells that it
/// heard the peer, and one looks for progress.
/// </summary>
/// <remarks>
/// A question waits behind the datagrams in front of it, which on a slow path takes longer than a peer may be silent.
/// So bytes that its kernel acknowledges count as a sign of life while the path does not take all that there are;
/// otherwise they do not, so that a peer that hangs is noticed.
/// </remarks>
internal sealed class Liveness(long now)
{
    private long _heard = now;
    private long _asked = now;
    private long _progressed = now;
    private ulong _acknowledged;

    /// <summary>When the peer was last heard, in milliseconds.</summary>
    public long Heard => Volatile.Read(ref _heard);

    /// <summary>The peer was heard.</summary>
    public void OnHeard(long now) => Volatile.Write(ref _heard, now);

    /// <summary>Looks for progress; about once a second.</summary>
    /// <param name="acknowledged">
    /// Bytes that the peer's kernel has acknowledged; 0 if the path takes all that there are.
    /// </param>
    /// <param name="now">Milliseconds.</param>
    public void Look(ulong acknowledged, long now)
    {
        if (acknowledged == 0)
        {
            // At this very moment there was no more to send; that says nothing of the path.
            return;
        }

        if (acknowledged > _acknowledged && _acknowledged > 0)
        {
            Volatile.Write(ref _progressed, now);
        }

        _acknowledged = acknowledged;
    }

    /// <summary>Whether it has been silent for too long.</summary>
    public bool IsDead(long now) => now - Math.Max(Heard, Volatile.Read(ref _progressed)) >= RelayTimes.Dead;

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
