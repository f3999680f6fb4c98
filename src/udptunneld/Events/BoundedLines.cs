// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Events;

/// <summary>
/// Bounds what one cause may write: a burst, then a line a minute, which says how many were left out before it. Whoever
/// repeats something a million times so fills neither the log nor a ring of events, and what was left out is counted.
/// </summary>
/// <typeparam name="TCause">
/// What is told apart; its default stands for all causes beyond the first <see cref="MaxCauses"/>.
/// </typeparam>
/// <typeparam name="TLine">What is written.</typeparam>
/// <param name="time">Its monotonic clock counts.</param>
/// <param name="write">
/// Writes a line, with the number of those of the same cause that were left out before it. Any thread.
/// </param>
internal sealed class BoundedLines<TCause, TLine>(TimeProvider time, Action<TLine, long> write)
    where TCause : struct
{
    /// <summary>Lines of a cause that are written at once.</summary>
    public const int Burst = 20;

    /// <summary>Causes that are told apart at a time.</summary>
    public const int MaxCauses = 1024;

    /// <summary>From one line of a cause that is beyond its burst to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    // Protects all below. Nothing is written while it is held.
    private readonly Lock _gate = new();
    private readonly Dictionary<TCause, Budget> _budgets = [];
    private long? _swept;

    /// <summary>Writes a line, now or with the next one of its cause that may be written.</summary>
    public void Add(TCause cause, TLine line)
    {
        lock (_gate)
        {
            var budget = BudgetOf(ref cause);
            if (!budget.TryTake(time))
            {
                budget.Last = line;
                budget.LeftOut++;
                budget.Timer ??= time.CreateTimer(
                    _ => Resume(cause),
                    null,
                    budget.UntilNext(time),
                    Timeout.InfiniteTimeSpan
                );
                return;
            }
        }

        write(line, 0);
    }

    private Budget BudgetOf(ref TCause cause)
    {
        if (!_budgets.ContainsKey(cause) && _budgets.Count >= MaxCauses)
        {
            // Now and then, since it takes as long as there are causes.
            if (_swept is not { } swept || time.GetElapsedTime(swept) >= Interval)
            {
                _swept = time.GetTimestamp();
                Sweep();
            }

            cause = _budgets.Count >= MaxCauses ? default : cause;
        }

        ref var budget = ref CollectionsMarshal.GetValueRefOrAddDefault(_budgets, cause, out _);
        return budget ??= new Budget(time);
    }

    private void Sweep()
    {
        foreach (var (cause, budget) in _budgets)
        {
            if (budget.Timer is null && budget.IsFull(time))
            {
                _budgets.Remove(cause);
            }
        }
    }

    private void Resume(TCause cause)
    {
        TLine line;
        long leftOut;
        lock (_gate)
        {
            var budget = _budgets[cause];
            budget.Timer!.Dispose();
            budget.Timer = null;
            _ = budget.TryTake(time);
            (line, leftOut) = (budget.Last!, budget.LeftOut - 1);
            (budget.Last, budget.LeftOut) = (default, 0);
        }

        write(line, leftOut);
    }

    /// <summary>The lines that a cause may still write: one more each minute, up to a burst.</summary>
    private sealed class Budget(TimeProvider time)
    {
        private int _left = Burst;
        private long _since = time.GetTimestamp();

        public TLine? Last { get; set; }

        public long LeftOut { get; set; }

        /// <summary>Runs while lines are left out.</summary>
        public ITimer? Timer { get; set; }

        public bool TryTake(TimeProvider clock)
        {
            Refill(clock);
            if (_left == 0)
            {
                return false;
            }

            _left--;
            return true;
        }

        public bool IsFull(TimeProvider clock)
        {
            Refill(clock);
            return _left == Burst;
        }

        public TimeSpan UntilNext(TimeProvider clock) => Interval - clock.GetElapsedTime(_since);

        private void Refill(TimeProvider clock)
        {
            var whole = (int)Math.Min(clock.GetElapsedTime(_since) / Interval, Burst);
            if (whole > 0)
            {
                _left = Math.Min(Burst, _left + whole);
                _since = clock.GetTimestamp();
            }
        }
    }
}
