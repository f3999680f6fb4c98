using System.Diagnostics;
using UdpTunnel.Linux;
using UdpTunnel.Waiting;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Whether the datagrams of a connection are questions and answers in turn (a resolver, TFTP, an SNMP walk), for one of its two threads: waits that
/// bring one datagram each, about as many in one direction as in the other. Then the thread polls before it sleeps (<see cref="BusyPoll"/>). But for
/// <see cref="Wait"/> pure: the caller brings the time.
/// </summary>
internal sealed class LockStep
{
    private readonly BusyPoll _poll = new();
    private LockStep _other;
    private long _count;
    private long _countBefore;
    private long _balance;

    /// <summary>For the first of a connection's two threads.</summary>
    public LockStep() => _other = this;

    /// <summary>For the second.</summary>
    public LockStep(LockStep other)
    {
        _other = other;
        other._other = this;
    }

    private long Balance => _count - Volatile.Read(ref _other._count);

    /// <summary>The thread has taken a datagram.</summary>
    public void Count() => Volatile.Write(ref _count, _count + 1);

    /// <summary>The thread begins to wait.</summary>
    /// <returns>Whether it shall try before it sleeps.</returns>
    public bool Begin(long now) => _poll.Begin(now, Take());

    /// <summary>A try was in vain.</summary>
    /// <returns>Whether to try again.</returns>
    public bool GoesOn(long now) => _poll.GoesOn(now);

    /// <summary>The wait is over.</summary>
    public void End(long now)
    {
        if (_poll.End(now))
        {
            // Nothing is on its way.
            _balance = Balance;
        }
    }

    /// <summary>Waits until a descriptor is ready, and ends the wait.</summary>
    /// <inheritdoc cref="BusyPoll.Wait"/>
    public int Wait(Epoll epoll, int milliseconds)
    {
        var ready = _poll.Wait(epoll, milliseconds, Take());
        End(Stopwatch.GetTimestamp());
        return ready;
    }

    private bool Take()
    {
        // The other thread may have counted the next datagram already.
        var isStep = _count - _countBefore == 1 && Math.Abs(Balance - _balance) <= 1;
        _countBefore = _count;
        return isStep;
    }
}
