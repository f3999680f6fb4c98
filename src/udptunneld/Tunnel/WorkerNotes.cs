// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using UdpTunnel.Events;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What a worker has to say in the debug log. It may not write there itself, so it leaves its notes here, and somebody
/// else writes them once a second. Only while debug messages are wanted; whoever adds asks that first.
/// </summary>
/// <param name="debug">The log.</param>
/// <param name="tunnel">Name of the tunnel.</param>
internal sealed class WorkerNotes(DebugLog debug, string tunnel)
{
    /// <summary>Notes that wait to be written; more are counted.</summary>
    public const int Most = 64;

    private readonly ConcurrentQueue<string> _notes = new();
    private int _count;
    private long _lost;

    /// <summary>Whether notes are wanted.</summary>
    public bool AreWanted => debug.IsOn;

    /// <summary>Adds one.</summary>
    public void Add(string note)
    {
        if (Volatile.Read(ref _count) >= Most)
        {
            Interlocked.Increment(ref _lost);
            return;
        }

        Interlocked.Increment(ref _count);
        _notes.Enqueue(note);
    }

    /// <summary>Writes them. Any thread but the worker's.</summary>
    public void Write()
    {
        while (_notes.TryDequeue(out var note))
        {
            Interlocked.Decrement(ref _count);
            debug.Write(tunnel, note);
        }

        if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
        {
            debug.Write(tunnel, $"{lost} more of that in the last second");
        }
    }
}
