// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace UdpTunnel.Waiting;

/// <summary>
/// The heartbeat of a thread that carries packets: it says when it waits for some and when it has got some. A thread
/// that waits is well, however long; one that works and does not come to its next wait hangs. An idle tunnel is not
/// woken for it, and a busy one pays two writes for each batch.
/// </summary>
internal sealed class Pulse : IDisposable
{
    // There is one process to be restarted, as there is one standard error. Changes when threads start and end.
    private static readonly ConcurrentDictionary<Pulse, string> Beating = new();

    private Turns _turns;
    private long _seen;

    private Pulse() { }

    /// <summary>Begins for the calling thread, which alone uses it, and which is named in complaints.</summary>
    public static Pulse OfThisThread()
    {
        var pulse = new Pulse();
        Beating[pulse] = Thread.CurrentThread.Name ?? "unnamed";
        return pulse;
    }

    /// <summary>
    /// The threads that have worked without a wait since the last call, which is the watchdog's alone.
    /// </summary>
    public static IReadOnlyList<string> Stuck() =>
        [.. Beating.Where(p => !p.Key.HasTurned()).Select(p => p.Value).Order(StringComparer.Ordinal)];

    /// <summary>The thread is about to wait for packets.</summary>
    public void Waits() => Volatile.Write(ref _turns.Count, (_turns.Count | 1) + 1);

    /// <summary>It has got some.</summary>
    public void Works() => Volatile.Write(ref _turns.Count, (_turns.Count + 1) | 1);

    /// <summary>The thread ends.</summary>
    public void Dispose() => Beating.TryRemove(this, out _);

    private bool HasTurned()
    {
        var turns = Volatile.Read(ref _turns.Count);
        var turned = turns % 2 == 0 || turns != _seen;
        _seen = turns;
        return turned;
    }

    /// <summary>
    /// Even while the thread waits, odd while it works. A cache line of its own, since the other direction's would lie
    /// beside it.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Turns
    {
        [FieldOffset(64)]
        public long Count;
    }
}
