// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Linux;
using UdpTunnel.Waiting;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Whether the datagrams of a connection are questions and answers in turn (a resolver, TFTP, an SNMP walk): waits that
/// bring one datagram each, about as many in one direction as in the other. Then the thread that carries them polls
/// before it sleeps (<see cref="BusyPoll"/>). Belongs to that thread; but for <see cref="Wait"/> pure: the caller
/// brings the time.
/// </summary>
internal sealed class LockStep
{
    /// <summary>
    /// Waits in lock step before the first try. So few because many clients pause often, and after each pause the relay
    /// would be asleep for as many questions (docs/performance.md).
    /// </summary>
    public const int LeastSteps = 2;

    private readonly BusyPoll _poll = new(LeastSteps);
    private long _received;
    private long _sent;
    private long _countBefore;
    private long _balance;

    private long Balance => _received - _sent;

    /// <summary>A datagram came from the connection.</summary>
    public void CountReceived() => _received++;

    /// <summary>A datagram goes to the connection.</summary>
    public void CountSent() => _sent++;

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
        var count = _received + _sent;
        var isStep = count - _countBefore == 1 && Math.Abs(Balance - _balance) <= 1;
        _countBefore = count;
        return isStep;
    }
}
