// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Linux;

namespace UdpTunnel.Service;

/// <summary>
/// What systemd is told, if it started the daemon: that it is ready, reloads, lives, stops (sd_notify(3),
/// Type=notify-reload of systemd.service(5)).
/// </summary>
internal sealed partial class ServiceManager
{
    private readonly ILogger<ServiceManager> _log;
    private readonly string? _socket;

    /// <summary>Reads the environment; without NOTIFY_SOCKET nobody is told anything.</summary>
    public ServiceManager(ILogger<ServiceManager> log)
        : this(log, Environment.GetEnvironmentVariable) { }

    /// <param name="log">For what cannot be told.</param>
    /// <param name="variable">Gives variables of the environment.</param>
    internal ServiceManager(ILogger<ServiceManager> log, Func<string, string?> variable)
    {
        _log = log;
        _socket = variable("NOTIFY_SOCKET") is { Length: > 0 } socket ? socket : null;
        if (
            _socket is not null
            && long.TryParse(
                variable("WATCHDOG_USEC"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var microseconds
            )
            && microseconds > 0
            && (
                variable("WATCHDOG_PID") is not { Length: > 0 } process
                || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
            )
        )
        {
            WatchdogTimeout = TimeSpan.FromMicroseconds(microseconds);
        }
    }

    /// <summary>
    /// How long it waits for the next <see cref="NotifyAlive"/> before it restarts the daemon; null if it does not wait
    /// for any.
    /// </summary>
    public TimeSpan? WatchdogTimeout { get; }

    /// <summary>Everything has started, or a reload is done.</summary>
    public void NotifyReady() => Send("READY=1");

    /// <summary>A reload begins. The time lets systemd tell it from one that came before its signal.</summary>
    public void NotifyReloading() =>
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={NotifySocket.Microseconds}"));

    /// <summary>It goes on.</summary>
    public void NotifyAlive() => Send("WATCHDOG=1");

    /// <summary>It ends.</summary>
    public void NotifyStopping() => Send("STOPPING=1");

    [LoggerMessage(LogLevel.Warning, "the service manager was not told {State}: {Problem}")]
    private static partial void LogNotTold(ILogger log, string state, string problem);

    private void Send(string state)
    {
        if (_socket is not null && NotifySocket.Send(_socket, state) is { } problem)
        {
            LogNotTold(_log, state.Split('\n')[0], problem);
        }
    }
}
