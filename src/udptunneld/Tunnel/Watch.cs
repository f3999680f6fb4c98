// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>Whose a <see cref="Watch"/> is.</summary>
/// <param name="Name">For the log.</param>
/// <param name="OnFailed">
/// Is called on the worker's thread when a handler has thrown, or when the worker itself has failed. The handlers of
/// this watch are not called any more.
/// </param>
internal sealed record WatchOwner(string Name, Action<Exception> OnFailed);

/// <summary>
/// A descriptor that a <see cref="Worker"/> waits for, until it is disposed of; the descriptor stays its owner's.
/// </summary>
internal sealed class Watch(
    Worker worker,
    int descriptor,
    int slot,
    WatchOwner owner,
    Action<Watch> onReadable,
    Action<Watch>? onDue
) : IDisposable
{
    /// <summary>The descriptor.</summary>
    public int Descriptor => descriptor;

    /// <summary>Where the worker keeps the handler.</summary>
    public int Slot => slot;

    /// <summary>Calls the handler; for the worker. It throws nothing.</summary>
    public void Invoke()
    {
        try
        {
            onReadable(this);
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <summary>When it wants to be called; the worker's own, which protects it.</summary>
    internal long Due { get; set; } = long.MaxValue;

    /// <summary>Whether it was disposed of; the worker's own.</summary>
    internal bool HasEnded { get; set; }

    /// <summary>Calls whoever wanted to be called at a time; for the worker. It throws nothing.</summary>
    public void InvokeDue()
    {
        try
        {
            onDue?.Invoke(this);
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <summary>Nothing more is called, and the owner is told; for the worker's thread.</summary>
    public void Fail(Exception e)
    {
        worker.Abandon(this);
        worker.Supervised.OnUnexpected(owner.Name, e, owner.OnFailed);
    }

    /// <summary>
    /// Has the worker call at a time, once, instead of at the time that was said before. For any thread.
    /// </summary>
    /// <param name="due">Milliseconds of the monotonic clock; <see cref="long.MaxValue"/> for never.</param>
    public void CallAt(long due) => worker.CallAt(this, due);

    /// <summary>No longer calls the handler, until <see cref="Resume"/>. The handler itself may call this.</summary>
    public void Pause() => worker.Pause(this);

    /// <summary>Calls the handler again.</summary>
    /// <exception cref="LinuxException">The kernel refuses to watch the descriptor.</exception>
    public void Resume() => worker.Resume(this);

    /// <summary>
    /// When this returns the handler does not run and will not be called again. Waits for the worker, so not for its
    /// own thread.
    /// </summary>
    public void Dispose() => worker.End(this);
}
