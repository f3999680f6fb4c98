// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.ExceptionServices;

namespace UdpTunnel.Memory;

/// <summary>
/// Owns what was opened one after the other, and closes it in reverse. Each step is by itself: one that fails keeps no
/// other from being done. For one thread at a time.
/// </summary>
internal sealed class Scope : IDisposable
{
    private readonly Stack<Action> _steps = new();

    /// <summary>Owns something from now on.</summary>
    /// <returns>The same.</returns>
    public T Own<T>(T owned)
        where T : IDisposable
    {
        _steps.Push(owned.Dispose);
        return owned;
    }

    /// <summary>Does something when it is this step's turn.</summary>
    public void AtEnd(Action step) => _steps.Push(step);

    /// <summary>Closes everything. A second call does nothing.</summary>
    /// <exception cref="Exception">The first failure of a step; the other steps were done.</exception>
    public void Dispose()
    {
        ExceptionDispatchInfo? first = null;
        while (_steps.TryPop(out var step))
        {
            try
            {
                step();
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        first?.Throw();
    }
}
