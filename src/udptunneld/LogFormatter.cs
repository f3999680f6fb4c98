// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace UdpTunnel;

/// <summary>
/// One line for each message: under systemd with journald's priority in front (sd-daemon(3)), else with the time and
/// the level, unless that is information.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LogFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    /// <summary>Its name for the console logger.</summary>
    public const string FormatterName = "udptunneld";

    // systemd sets it for a service whose standard error goes to the journal, which adds the time itself.
    private readonly bool _journal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null;

    /// <inheritdoc/>
    public override void Write<TState>(
        in LogEntry<TState> entry,
        IExternalScopeProvider? scopeProvider,
        TextWriter textWriter
    )
    {
        var message = entry.Formatter(entry.State, entry.Exception);
        if (entry.Exception is { } exception)
        {
            message = $"{message}: {exception}";
        }

        foreach (var line in message.Split('\n'))
        {
            WriteStart(entry.LogLevel, textWriter);
            textWriter.WriteLine(line.TrimEnd('\r'));
        }
    }

    private void WriteStart(LogLevel level, TextWriter writer)
    {
        if (_journal)
        {
            writer.Write(Priority(level));
            return;
        }

        writer.Write(time.GetLocalNow().ToString("HH:mm:ss.fff ", CultureInfo.InvariantCulture));
        writer.Write(
            level switch
            {
                >= LogLevel.Error => "error: ",
                LogLevel.Warning => "warning: ",
                LogLevel.Debug => "debug: ",
                _ => "",
            }
        );
    }

    private static string Priority(LogLevel level) =>
        level switch
        {
            LogLevel.Critical => "<2>",
            LogLevel.Error => "<3>",
            LogLevel.Warning => "<4>",
            LogLevel.Information => "<6>",
            _ => "<7>",
        };
}
