// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Service;

/// <summary>
/// SIGTERM, SIGINT and SIGQUIT: the daemon stops, and cleans up. They are taken from the first moment to the last: the
/// framework's own lifetime takes them when it has started and gives them back while it ends, and a signal before or
/// after that would end the process with its socket and state lying about.
/// </summary>
#pragma warning disable CA1001 // Lives as long as the process, and a signal may come at any time.
internal sealed class StopSignals : IHostLifetime
#pragma warning restore CA1001
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _askedSource = new();

    // Never given back: the process ends with them.
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Takes the signals, until the process ends.</summary>
    public StopSignals() =>
        _registrations = [
            .. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }.Select(signal =>
                PosixSignalRegistration.Create(signal, OnSignal)
            ),
        ];

    /// <summary>Ends with the first signal; the others change nothing.</summary>
    public Task Asked => _asked.Task;

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken AskedToken => _askedSource.Token;

    /// <summary>
    /// Whether a signal ends the daemon in order: it has started, or the start has noticed the signal.
    /// </summary>
    public bool IsHandled { get; set; }

    /// <summary>Removes what a start that hangs has made, as far as the kernel does not.</summary>
    public Action? Abandoned { get; set; }

    /// <summary>
    /// From now on a signal does this; at once if there was one. Not before, since what has started in part says that
    /// it failed.
    /// </summary>
    public void Take(Action stop)
    {
        IsHandled = true;
        _asked.Task.GetAwaiter().OnCompleted(stop);
    }

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void OnSignal(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (_asked.TrySetResult())
        {
            // On another thread: what is cancelled runs there.
            _ = _askedSource.CancelAsync();
        }
    }
}
