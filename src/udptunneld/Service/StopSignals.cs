using System.Runtime.InteropServices;

namespace UdpTunnel.Service;

/// <summary>
/// SIGTERM, SIGINT and SIGQUIT: the daemon stops, and cleans up. They are taken from the first moment to the last: the framework's own lifetime takes them
/// when it has started and gives them back while it ends, and a signal before or after that would end the process with its socket and state lying about.
/// </summary>
internal sealed class StopSignals : IHostLifetime
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Never given back: the process ends with them.
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Takes the signals, until the process ends.</summary>
    public StopSignals() => _registrations =
        [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT }.Select(signal => PosixSignalRegistration.Create(signal, Take))];

    /// <summary>Ends with the first signal; the others change nothing.</summary>
    public Task Asked => _asked.Task;

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Take(PosixSignalContext signal)
    {
        signal.Cancel = true;
        _asked.TrySetResult();
    }
}
