using System.Diagnostics;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Whether one of a connection's two threads, when it has nothing to do, asks a few times more before it sleeps. Waking a thread on an idle
/// processor takes longer than all that the relay does with a datagram, and between a question and the next there are four such waits. So it
/// pays where a client asks, waits for the answer and asks again (a resolver, TFTP, an SNMP walk) and both ends are close; for all other traffic it
/// would only take the processor from others, and nothing is tried. Pure: the caller brings the time.
/// </summary>
/// <remarks>
/// Lock step is seen from here as waits that are short and bring one datagram each, about as many in one direction as in the other, many times in a row. The
/// first tries may take longer, for only when the threads of both ends try at the same time the waits become as short as they can be. A thread whose
/// tries are in vain waits for twice as many the next time. What it gains and costs: docs/performance.md.
/// </remarks>
internal sealed class LockStep
{
    /// <summary>Waits in lock step that must come before the first try.</summary>
    public const int LeastSteps = 16;

    /// <summary>The same after many tries in vain.</summary>
    public const int MostSteps = 4096;

    /// <summary>The first tries, which may take longer.</summary>
    public const int FirstTries = 8;

    /// <summary>Tries in vain, one after the other, until it gives up.</summary>
    public const int Patience = 4;

    /// <summary>A wait is short up to here, in ticks of <see cref="Stopwatch"/>: 200 µs.</summary>
    public static readonly long Short = Stopwatch.Frequency / 5_000;

    /// <summary>How long one try takes at the most: 100 µs.</summary>
    public static readonly long Longest = Stopwatch.Frequency / 10_000;

    /// <summary>After so long a wait what was learnt is forgotten, and nothing is on its way: 1 s.</summary>
    public static readonly long Rest = Stopwatch.Frequency;

    private LockStep _other;
    private long _count;
    private long _countBefore;
    private long _balance;
    private long _began;
    private int _steps;
    private int _needed = LeastSteps;
    private int _tries;
    private int _misses;

    /// <summary>For the first of a connection's two threads.</summary>
    public LockStep() => _other = this;

    /// <summary>For the second.</summary>
    public LockStep(LockStep other)
    {
        _other = other;
        other._other = this;
    }

    private long Limit => _tries <= FirstTries ? Short : Longest;

    private long Balance => _count - Volatile.Read(ref _other._count);

    /// <summary>The thread has taken a datagram.</summary>
    public void Count() => Volatile.Write(ref _count, _count + 1);

    /// <summary>The thread begins to wait.</summary>
    /// <returns>Whether it shall try before it sleeps.</returns>
    public bool Begin(long now)
    {
        // The other thread may have counted the next datagram already.
        if (_count - _countBefore != 1 || Math.Abs(Balance - _balance) > 1)
        {
            _steps = 0;
        }

        _countBefore = _count;
        _began = now;
        _tries = _steps >= _needed ? _tries + 1 : 0;
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

        if (++_misses == Patience)
        {
            _misses = 0;
            _steps = 0;
            _needed = Math.Min(_needed * 2, MostSteps);
        }

        return false;
    }

    /// <summary>The wait is over.</summary>
    public void End(long now)
    {
        var waited = now - _began;
        if (waited < Limit)
        {
            _misses = 0;
        }

        _steps = waited < Short ? Math.Min(_steps + 1, MostSteps) : 0;
        if (waited > Rest)
        {
            _needed = LeastSteps;
            _balance = Balance;
        }
    }
}
