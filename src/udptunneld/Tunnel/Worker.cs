// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Diagnostics;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Waiting;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Tunnel;

/// <summary>
/// A thread that serves many tunnels, both directions of each: it waits for all their descriptors at once and calls
/// whom a readable one belongs to. Idle tunnels cost it nothing. What it calls must not wait.
/// </summary>
/// <remarks>
/// Why both directions are one thread's: what the network brings makes the host answer at once, and the answer is there
/// to be sent before anybody would have been woken for it. docs/performance.md compares it with a thread for each
/// direction.
/// </remarks>
internal sealed class Worker : IDisposable
{
    // Waits in lock step before the first try (docs/performance.md).
    private const int LeastSteps = 16;

    private const ulong WakeSlot = ulong.MaxValue;

    private readonly Epoll _epoll = new();
    private readonly WakeSignal _wake = new();
    private readonly ConcurrentQueue<(TaskCompletionSource Turn, Action? Action)> _turns = new();
    private readonly BusyPoll _poll = new(LeastSteps);
    private readonly Thread _thread;

    // Protects the slots against two that change them. The thread reads them without: it meets a slot only while it is
    // watched.
    private readonly Lock _gate = new();
    private readonly Stack<int> _freeSlots = new();
    private volatile Watch?[] _slots = [];

    // Protects what is due. An entry that does not have its watch's moment any more is passed over.
    private readonly Lock _dueGate = new();
    private readonly PriorityQueue<Watch, long> _due = new();
    private long _nextDue = long.MaxValue;
    private volatile bool _stopping;

    private volatile bool _hasFailed;

    /// <param name="name">Name of the thread.</param>
    /// <param name="supervised">What stands behind the thread and every handler.</param>
    /// <exception cref="LinuxException">The system has no descriptors left.</exception>
    public Worker(string name, Supervised supervised)
    {
        Supervised = supervised;
        _ = _epoll.Add(_wake.Descriptor, EPOLLIN, WakeSlot);
        _thread = supervised.Start(name, Run, OnFailed);
    }

    /// <summary>What stands behind the thread and every handler.</summary>
    public Supervised Supervised { get; }

    /// <summary>
    /// Whether the thread has ended by a failure of its own, which all were told whose descriptors it watched.
    /// </summary>
    public bool HasFailed => _hasFailed;

    /// <summary>Room for what one call reads from a device. Only for whom the worker is calling.</summary>
    public PacketBatch Packets { get; } = new();

    /// <summary>Room for what one call receives. Only for whom the worker is calling.</summary>
    public ReceiveBatch Messages { get; } = new();

    /// <summary>
    /// Room for what one call makes of the packets in them. Only for whom the worker is calling, and empty in between.
    /// </summary>
    public Coalescer Coalescer { get; } = new();

    /// <summary>Where who is called counts what it carried.</summary>
    public Alternation Carried { get; } = new();

    /// <summary>Begins to call a handler whenever a descriptor is readable or reports an error.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="owner">Whose it is, and who learns of a failure.</param>
    /// <param name="onReadable">The handler.</param>
    /// <param name="onDue">Is called at the time that was said to <see cref="Tunnel.Watch.CallAt"/>.</param>
    /// <exception cref="IOException">The kernel refuses to watch it, or the thread has failed.</exception>
    public Watch Watch(int descriptor, WatchOwner owner, Action<Watch> onReadable, Action<Watch>? onDue = null)
    {
        lock (_gate)
        {
            if (_hasFailed)
            {
                throw new IOException("the thread that was to serve the tunnel has failed");
            }

            if (!_freeSlots.TryPop(out var slot))
            {
                slot = Grow();
            }

            var watch = new Watch(this, descriptor, slot, owner, onReadable, onDue);
            _slots[slot] = watch;
            try
            {
                Resume(watch);
                return watch;
            }
            catch (LinuxException)
            {
                Free(slot);
                throw;
            }
        }
    }

    /// <summary>
    /// Completes when the worker has done what it was doing and begun anew: what it was no longer to know when this was
    /// called, it does not use any more. Also a sign of life.
    /// </summary>
    public Task TurnAsync() => RunAsync(null);

    /// <summary>Has the worker do something between two turns, in which it uses nothing of anybody's.</summary>
    /// <param name="action">It must not wait. What it throws is the caller's.</param>
    public Task RunAsync(Action? action)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _turns.Enqueue((turn, action));
        _wake.Raise();
        if (_hasFailed)
        {
            CompleteTurns();
        }

        return turn.Task;
    }

    /// <summary>Ends the thread. Nothing may be watched any more.</summary>
    public void Dispose()
    {
        _stopping = true;
        _wake.Raise();
        _thread.Join();
        _epoll.Dispose();
        _wake.Dispose();
        Packets.Dispose();
        Messages.Dispose();
        Coalescer.Dispose();
    }

    /// <summary>Stops calling a handler from the worker's own thread, or until <see cref="Resume"/>.</summary>
    internal void Pause(Watch watch) => _epoll.Remove(watch.Descriptor);

    /// <summary>Calls the handler again.</summary>
    /// <exception cref="LinuxException">The kernel refuses to watch the descriptor.</exception>
    internal void Resume(Watch watch)
    {
        if (watch.HasEnded)
        {
            return;
        }

        var error = _epoll.Add(watch.Descriptor, EPOLLIN, (ulong)watch.Slot);
        if (error is not (Errno.None or Errno.Exists))
        {
            throw new LinuxException("cannot wait for a descriptor", error);
        }
    }

    /// <summary>
    /// Ends watching. When it returns the handler does not run and will not be called again. Not for the worker's own
    /// thread.
    /// </summary>
    internal void End(Watch watch)
    {
        Abandon(watch);
        TurnAsync().Wait();
        lock (_gate)
        {
            Free(watch.Slot);
        }
    }

    /// <summary>Calls nothing of a watch any more, but keeps its slot until <see cref="End"/>.</summary>
    internal void Abandon(Watch watch)
    {
        Pause(watch);
        lock (_dueGate)
        {
            watch.HasEnded = true;
            watch.Due = long.MaxValue;
        }
    }

    /// <summary>Calls a watch at a time, in milliseconds of the monotonic clock.</summary>
    internal void CallAt(Watch watch, long due)
    {
        bool isNext;
        lock (_dueGate)
        {
            if (watch.HasEnded)
            {
                return;
            }

            watch.Due = due;
            if (due != long.MaxValue)
            {
                _due.Enqueue(watch, due);
            }

            isNext = due < _nextDue;
            if (isNext)
            {
                Volatile.Write(ref _nextDue, due);
            }
        }

        // The thread itself looks before it waits.
        if (isNext && Environment.CurrentManagedThreadId != _thread.ManagedThreadId)
        {
            _wake.Raise();
        }
    }

    private void Run()
    {
        using var pulse = Pulse.OfThisThread();
        TimeSlice.Shorten();
        while (!_stopping)
        {
            pulse.Waits();
            var ready = _poll.Wait(_epoll, UntilDue(), Carried.Take());
            _ = _poll.End(Stopwatch.GetTimestamp());
            pulse.Works();
            var woken = false;
            for (var i = 0; i < ready; i++)
            {
                var slot = _epoll.Data(i);
                if (slot == WakeSlot)
                {
                    woken = true;
                }
                else
                {
                    _slots[slot]?.Invoke();
                }
            }

            CallDue();

            // Last, because what was already reported ready is over only now.
            if (woken)
            {
                _wake.Clear();
                CompleteTurns();
            }
        }

        CompleteTurns();
    }

    /// <returns>Milliseconds until the next call is due; -1 if none is.</returns>
    private int UntilDue()
    {
        var next = Volatile.Read(ref _nextDue);
        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - Environment.TickCount64, 0, int.MaxValue);
    }

    /// <summary>Calls what is due now; what wants to be called again at once has to wait for its turn.</summary>
    private void CallDue()
    {
        if (Volatile.Read(ref _nextDue) == long.MaxValue)
        {
            return;
        }

        var now = Environment.TickCount64;
        int left;
        lock (_dueGate)
        {
            left = _due.Count;
        }

        for (; left > 0 && Volatile.Read(ref _nextDue) <= now; left--)
        {
            Watch? called = null;
            lock (_dueGate)
            {
                if (_due.TryPeek(out var watch, out var due) && due <= now)
                {
                    _due.Dequeue();
                    if (watch.Due == due)
                    {
                        watch.Due = long.MaxValue;
                        called = watch;
                    }
                }

                Volatile.Write(ref _nextDue, _due.TryPeek(out _, out var first) ? first : long.MaxValue);
            }

            called?.InvokeDue();
        }
    }

    /// <summary>The thread has ended by an error that nobody expected: all whom it served learn of it.</summary>
    internal void OnFailed(Exception e)
    {
        Watch?[] watches;
        lock (_gate)
        {
            _hasFailed = true;
            watches = _slots;
        }

        foreach (var watch in watches)
        {
            watch?.Fail(e);
        }

        CompleteTurns();
    }

    private void CompleteTurns()
    {
        while (_turns.TryDequeue(out var next))
        {
            try
            {
                if (_hasFailed && next.Action is not null)
                {
                    throw new InvalidOperationException("the thread that carries packets has failed");
                }

                next.Action?.Invoke();
                next.Turn.SetResult();
            }
            catch (Exception e)
            {
                next.Turn.SetException(e);
            }
        }
    }

    private int Grow()
    {
        var slots = new Watch?[Math.Max(8, _slots.Length * 2)];
        _slots.CopyTo(slots, 0);
        for (var slot = slots.Length - 1; slot > _slots.Length; slot--)
        {
            _freeSlots.Push(slot);
        }

        var first = _slots.Length;
        _slots = slots;
        return first;
    }

    private void Free(int slot)
    {
        _slots[slot] = null;
        _freeSlots.Push(slot);
    }
}
