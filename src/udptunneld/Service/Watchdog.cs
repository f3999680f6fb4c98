// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Waiting;

namespace UdpTunnel.Service;

/// <summary>
/// Tells the service manager that the daemon lives, as long as every thread that carries packets does. Where one hangs
/// nothing is told, the service manager ends the daemon, and what ran comes back with the next one.
/// </summary>
internal sealed partial class Watchdog(ServiceManager manager, TimeProvider time, ILogger<Watchdog> log)
    : BackgroundService
{
    // Twice within the timeout, as sd_watchdog_enabled(3) has it.
    private const int LooksWithinTimeout = 2;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (manager.WatchdogTimeout is not { } timeout)
        {
            return;
        }

        using var timer = new PeriodicTimer(timeout / LooksWithinTimeout, time);
        try
        {
            do
            {
                Look();
            } while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The daemon stops.
        }
    }

    [LoggerMessage(
        LogLevel.Critical,
        "these threads hang: {Threads}; the service manager is not told that the daemon lives, and will restart it"
    )]
    private static partial void LogStuck(ILogger log, string threads);

    private void Look()
    {
        var stuck = Pulse.Stuck();
        if (stuck.Count == 0)
        {
            manager.NotifyAlive();
        }
        else
        {
            LogStuck(log, string.Join(", ", stuck));
        }
    }
}
