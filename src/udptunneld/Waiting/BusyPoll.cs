// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Linux;

namespace UdpTunnel.Waiting;

/// <summary>
/// Whether a thread that has nothing to do asks a few times more before it sleeps. Waking a thread on an idle processor
/// takes longer than all that is done with a packet, and between a question and the next there are four such waits. So
/// it pays where one asks, waits for the answer and asks again, and both ends are close; for all other traffic it would
/// only take the processor from others, and nothing is tried. The caller sees which traffic it is, and but for
/// <see cref="Wait"/> brings the time.
/// </summary>
/// <remarks>
/// What counts are short waits, many times in a row, with one question or answer between each and the next. The first
/// tries may take longer, for only when the threads of both ends try at the same time the waits become as short as they
/// can be. A thread whose tries are in vain waits for twice as many the next time, until a run of tries has lasted as
/// long as it waited for it, or 16 waits. One whose tries take longer than they are worth makes none for a second. What
/// it gains and costs: docs/performance.md.
/// </remarks>
internal sealed class BusyPoll
{
    /// <summary>A run of tries that is no accident.</summary>
    public const int LeastRun = 16;

    /// <summary>The same after many tries in vain.</summary>
    public const int MostSteps = 4096;

    /// <summary>The first tries, which may take longer.</summary>
    public const int FirstTries = 8;

    /// <summary>
    /// Tries in vain, one after the other, until it gives up. One that was not makes up for half of one.
    /// </summary>
    public const int Patience = 4;

    private const int Miss = 2;

    /// <summary>
    /// A wait is short up to here, in ticks of <see cref="Stopwatch"/>: 500 µs, more than an answer takes while nobody
    /// tries.
    /// </summary>
    public static readonly long Short = Stopwatch.Frequency / 2_000;

    /// <summary>
    /// How long one try takes at the most: 150 µs, so that one thread of four that has fallen asleep does not put the
    /// others to sleep.
    /// </summary>
    public static readonly long Longest = Stopwatch.Frequency * 3 / 20_000;

    /// <summary>After so long a wait what was learnt is forgotten: 1 s.</summary>
    public static readonly long Rest = Stopwatch.Frequency;

    /// <summary>
    /// What a try may take on average: 80 µs. Waking a thread takes about as long, and longer tries cost more than they
    /// gain, also where each of them is successful: calls with a packet every few milliseconds look like lock step.
    /// </summary>
    public static readonly long Worth = Stopwatch.Frequency * 8 / 100_000;

    /// <summary>What tries may take above that, before there are none for as long as <see cref="Rest"/>: 10 ms.</summary>
    public static readonly long MostDebt = Stopwatch.Frequency / 100;

    /// <summary>The part of the time that pays off the debt.</summary>
    public const int DebtShare = 16;

    private readonly int _leastSteps;
    private long _ended;
    private long _debt;
    private long _restsUntil;
    private long _began;
    private int _steps;
    private int _needed;
    private int _tries;
    private int _misses;

    /// <param name="leastSteps">Waits in lock step that must come before the first try.</param>
    public BusyPoll(int leastSteps)
    {
        _leastSteps = leastSteps;
        _needed = leastSteps;
    }

    private long Limit => _tries <= FirstTries ? Short : Longest;

    /// <summary>The thread begins to wait.</summary>
    /// <param name="now">Ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="isStep">Whether what came since the last wait looked like lock step.</param>
    /// <returns>Whether it shall try before it sleeps.</returns>
    public bool Begin(long now, bool isStep)
    {
        if (!isStep)
        {
            _steps = 0;
        }

        _began = now;
        _tries = _steps >= _needed && now >= _restsUntil ? _tries + 1 : 0;
        if (_tries > Math.Max(_needed, LeastRun) && _misses == 0)
        {
            // It pays, and the next disturbance must not add to those of before.
            _needed = _leastSteps;
        }

        return _tries > 0;
    }

    /// <summary>A try was in vain.</summary>
    /// <returns>Whether to try again.</returns>
    public bool GoesOn(long now)
    {
        if (now - _began < Limit)
        {
            return true;
        }

        _misses += Miss;
        if (_misses >= Miss * Patience)
        {
            _misses = 0;
            _steps = 0;
            _needed = Math.Min(_needed * 2, MostSteps);
        }

        return false;
    }

    /// <summary>The wait is over.</summary>
    /// <returns>Whether it was so long that nothing can be on its way any more.</returns>
    public bool End(long now)
    {
        var waited = now - _began;
        if (waited < Limit)
        {
            _misses = Math.Max(0, _misses - 1);
        }

        if (_tries > 0)
        {
            _debt += Math.Min(waited, Limit) - Worth;
        }

        _debt = Math.Max(0, _debt - ((now - _ended) / DebtShare));
        _ended = now;
        if (_debt > MostDebt)
        {
            _debt = 0;
            _restsUntil = now + Rest;
        }

        _steps = waited < Short ? Math.Min(_steps + 1, MostSteps) : 0;
        if (waited <= Rest)
        {
            return false;
        }

        _needed = _leastSteps;
        return true;
    }

    /// <summary>
    /// Tries as often as it may, then sleeps, until a descriptor is ready. <see cref="End"/> is left to the caller.
    /// </summary>
    /// <param name="epoll">What is waited for.</param>
    /// <param name="milliseconds">At most so long; -1 for as long as it takes.</param>
    /// <param name="isStep">As for <see cref="Begin"/>.</param>
    /// <returns>How many are ready.</returns>
    public int Wait(Epoll epoll, int milliseconds, bool isStep)
    {
        if (Begin(Stopwatch.GetTimestamp(), isStep))
        {
            do
            {
                // To whom is to bring what is waited for, if it needs this processor.
                Thread.Yield();
                var ready = epoll.Wait(0);
                if (ready > 0)
                {
                    return ready;
                }
            } while (GoesOn(Stopwatch.GetTimestamp()));
        }

        return epoll.Wait(milliseconds);
    }
}
