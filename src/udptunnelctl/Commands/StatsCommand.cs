// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>stats</c>: every counter, once or again and again.</summary>
internal sealed class StatsCommand(Invocation invocation)
{
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    [Command(Description = "Show the counters of tunnels and relays, all since they started.")]
    [Example("udptunnelctl stats home")]
    [Example("udptunnelctl stats --watch --interval 500ms")]
    [Example("udptunnelctl stats --watch --json | jq '.tunnels[].rates'")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Only these tunnels and relays")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string[]? names,
        [Option("watch", Description = "Go on until Ctrl-C")] bool watch,
        [Option(
            "interval",
            ValueName = "DURATION",
            Description = "Time between two looks with --watch, 100ms to 1h; default 1s"
        )]
        [DurationRange("100ms", "1h")]
            TimeSpan? interval
    )
    {
        names ??= [];
        if (interval is not null && !watch)
        {
            throw UsageFailure.Usage("--interval is of use only with --watch", "See 'udptunnelctl stats --help'.");
        }

        if (watch)
        {
            using var stream = new InterruptibleStream(invocation, invocation.Cancellation);
            await new StatsWatch(invocation, stream).RunAsync(names, interval ?? DefaultInterval).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var all = await Inventory
            .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
            .ConfigureAwait(false);
        var chosen = all.Select(names);
        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            PrintJson(invocation, chosen, now);
            return;
        }

        invocation.Print(InFull(invocation.NewScreen(), chosen, now));
    }

    /// <summary>Every counter of everything.</summary>
    public static Screen InFull(Screen screen, Inventory inventory, DateTimeOffset now)
    {
        if (inventory.Tunnels.Count > 0 || inventory.Relays.Count == 0)
        {
            StatsView.Render(screen, inventory.Tunnels, now);
        }

        for (var i = 0; i < inventory.Relays.Count; i++)
        {
            if (i > 0 || inventory.Tunnels.Count > 0)
            {
                screen.Line();
            }

            RelayStatsView.Render(screen, inventory.Relays[i], now);
        }

        return screen;
    }

    /// <summary>A line for each tunnel and relay, for output that is appended.</summary>
    public static Screen Lines(Invocation invocation, Inventory inventory, DateTimeOffset time)
    {
        var screen = invocation.NewScreen();
        StatsView.RenderLines(screen, inventory.Tunnels, time, invocation.Host.Time);
        foreach (var relay in inventory.Relays)
        {
            RelayStatsView.RenderLine(screen, relay, time, invocation.Host.Time);
        }

        return screen;
    }

    /// <summary>Every counter of everything as JSON.</summary>
    public static void PrintJson(Invocation invocation, Inventory inventory, DateTimeOffset time) =>
        invocation.PrintJson(writer =>
        {
            writer.WriteTime("time", time);
            TunnelJson.WriteAll(writer, "tunnels", inventory.Tunnels);
            RelayJson.WriteAll(writer, "relays", inventory.Relays);
        });
}
