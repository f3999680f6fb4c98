// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Live.Top;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>top</c>: what goes on, on the whole screen.</summary>
internal sealed class TopCommand(Invocation invocation)
{
    private const string Instead =
        "'udptunnelctl stats --watch' shows the counters line by line, with --json one object on each.";

    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    [Command(
        Description = "Watch tunnels, relays and flows on the whole screen, and let senders in. "
            + "The daemon takes samples only meanwhile."
    )]
    [Example("udptunnelctl top")]
    [Example("udptunnelctl top --interval 250ms")]
    public async Task RunAsync(
        [Option("interval", ValueName = "DURATION", Description = "Time between two looks, 100ms to 1h; default 1s")]
        [DurationRange("100ms", "1h")]
            TimeSpan? interval
    )
    {
        var terminal = invocation.Host.Terminal;
        if (invocation.Json || !terminal.OutputIsTerminal || !terminal.InputIsTerminal)
        {
            throw UsageFailure.Usage("top is for a person at a terminal", Instead);
        }

        if (!invocation.Abilities.CursorAddressing)
        {
            var name = invocation.Host.Environment("TERM") is { Length: > 0 } known ? $"'{known}'" : "not set";
            throw UsageFailure.Usage($"top cannot draw on this terminal (TERM is {name})", Instead);
        }

        using var stream = new InterruptibleStream(invocation, invocation.Cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        await new TopSession(invocation, daemon, stream, interval ?? DefaultInterval).RunAsync().ConfigureAwait(false);
    }
}
