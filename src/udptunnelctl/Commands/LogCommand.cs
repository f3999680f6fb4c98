// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>log</c>: how much the daemon's log tells.</summary>
internal sealed class LogCommand(Invocation invocation)
{
    [Command(
        Description = "Show or set how much the daemon's log tells. Debug messages end by themselves: handshakes and why "
            + "they fail, look-ups, path MTU, connections of relays, calls. The log is that of the daemon's unit: "
            + "journalctl -u udptunneld. What happened is in 'events'."
    )]
    [Example("udptunnelctl log debug")]
    [Example("udptunnelctl log debug --for 1h")]
    [Example("udptunnelctl log info")]
    public async Task RunAsync(
        [Argument("debug|info", Description = "The level; without it, what it is now")] string? level,
        [Option("for", ValueName = "DURATION", Description = "How long debug messages are written; default 10m")]
        [DurationRange("1s", "24h")]
            TimeSpan? duration
    )
    {
        var wanted = level switch
        {
            null => DaemonLogLevel.Unspecified,
            "debug" => DaemonLogLevel.Debug,
            "info" => DaemonLogLevel.Info,
            _ => throw UsageFailure.Usage($"'{level}' is not a level", "There are debug and info."),
        };
        if (duration is not null && wanted != DaemonLogLevel.Debug)
        {
            throw UsageFailure.Usage("--for is for debug", "Other levels stay: see 'udptunnelctl log --help'.");
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        Timestamp? until;
        if (wanted == DaemonLogLevel.Unspecified)
        {
            var about = await daemon
                .Daemon.GetDaemonAsync(new GetDaemonRequest(), invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            (wanted, until) = (about.LogLevel, about.LogLevelUntil);
        }
        else
        {
            var request = new SetLogLevelRequest
            {
                Level = wanted,
                Duration = duration is { } given ? Duration.FromTimeSpan(given) : null,
            };
            var set = await daemon
                .Daemon.SetLogLevelAsync(request, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
            (wanted, until) = (set.Level, set.Until);
        }

        Show(wanted, until);
    }

    private void Show(DaemonLogLevel level, Timestamp? until)
    {
        var end = TimeText.Of(until);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("level", Words.Of(level));
                writer.WriteTime("until", end);
            });
            return;
        }

        var text = end is { } time
            ? $"The log has debug messages until {TimeText.Local(time, invocation.Host.Time)}."
            : "The log has no debug messages.";
        invocation.Print(invocation.NewScreen().Line(text));
    }
}
