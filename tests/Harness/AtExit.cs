using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace UdpTunnel.Tests.Harness;

/// <summary>What must be undone also when the run is interrupted, before the tests could do it themselves.</summary>
internal static class AtExit
{
    private static readonly ConcurrentDictionary<object, Action> Pending = new();

    private static volatile bool _isExiting;

    // .NET 10 leaves SIGTERM to its default, which is to die without a word. Ctrl-C is the runner's: it lets tests come to an end.
    private static readonly IReadOnlyList<PosixSignalRegistration> Signals =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Exit),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, Exit),
    ];

    static AtExit() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        _isExiting = true;
        UndoAll();
    };

    /// <summary>Remembers what has to be undone for an owner.</summary>
    /// <exception cref="OperationCanceledException">The run ends; it is undone already.</exception>
    public static void Add(object owner, Action undo)
    {
        Pending[owner] = undo;
        if (_isExiting)
        {
            Undo(owner);
            throw new OperationCanceledException("the run was interrupted");
        }
    }

    /// <summary>Undoes it, once.</summary>
    public static void Undo(object owner)
    {
        if (Pending.TryRemove(owner, out var undo))
        {
            undo();
        }
    }

    private static void Exit(PosixSignalContext context)
    {
        context.Cancel = true;
        Environment.Exit(1);
    }

    private static void UndoAll()
    {
        foreach (var owner in Pending.Keys)
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
