// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace UdpTunnel.Tests.Harness;

/// <summary>
/// What must be undone also when the run is interrupted, before the tests could do it themselves: the last first, so
/// that a program has ended before the directory goes that it writes to.
/// </summary>
internal static class AtExit
{
    // Lazy, because the run may end while its owner undoes it: then both wait until it is done.
    private static readonly ConcurrentDictionary<object, (long Number, Lazy<bool> Undoing)> Pending = new();

    private static long _added;

    private static volatile bool _isExiting;

    // .NET 10 leaves SIGTERM to its default, which is to die without a word. Ctrl-C is the runner's: it lets tests come
    // to an end.
    private static readonly IReadOnlyList<PosixSignalRegistration> Signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Exit),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, Exit),
    ];

    static AtExit() =>
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            _isExiting = true;
            UndoAll();
        };

    /// <summary>Remembers what has to be undone for an owner.</summary>
    /// <exception cref="OperationCanceledException">The run ends; it is undone already.</exception>
    public static void Add(object owner, Action undo)
    {
        Pending[owner] = (
            Interlocked.Increment(ref _added),
            new Lazy<bool>(() =>
            {
                undo();
                return true;
            })
        );
        if (_isExiting)
        {
            Undo(owner);
            throw new OperationCanceledException("the run was interrupted");
        }
    }

    /// <summary>Undoes it, once.</summary>
    public static void Undo(object owner)
    {
        if (Pending.TryGetValue(owner, out var pending))
        {
            try
            {
                _ = pending.Undoing.Value;
            }
            finally
            {
                Pending.TryRemove(owner, out _);
            }
        }
    }

    private static void Exit(PosixSignalContext context)
    {
        context.Cancel = true;
        Environment.Exit(1);
    }

    private static void UndoAll()
    {
        foreach (var owner in Pending.OrderByDescending(p => p.Value.Number).Select(p => p.Key))
        {
            try
            {
                Undo(owner);
            }
#pragma warning disable CA1031 // One that fails must not keep the others from being undone.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Console.Error.WriteLine(e.Message);
            }
        }
    }
}
