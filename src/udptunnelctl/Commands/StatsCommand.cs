using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>stats</c>: every counter, once or again and again.</summary>
internal sealed class StatsCommand : ControlCommand
{
    private const string DefaultInterval = "1s";

    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "Only these tunnels and relays",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _watch = new("--watch") { Description = "Go on until Ctrl-C" };

    private readonly Option<string?> _interval = new("--interval")
    {
        Description = "Time between two looks with --watch, 100ms to 1h; default " + DefaultInterval,
        HelpName = "DURATION",
    };

    /// <summary>Declares the command.</summary>
    public StatsCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "stats", "Show the counters of tunnels and relays, all since they started.")
    {
        Add(_names);
        Add(_watch);
        Add(_interval);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl stats home",
        "udptunnelctl stats --watch --interval 500ms",
        "udptunnelctl stats --watch --json | jq .tunnels[].rates",
    ];

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var interval = invocation.Get(_interval);
        var watch = invocation.Get(_watch);
        if (interval is not null && !watch)
        {
            throw UsageFailure.Usage("--interval is of use only with --watch", "See 'udptunnelctl stats --help'.");
        }

        var period = DurationText.Require("--interval", interval ?? DefaultInterval, "100ms", "1h");
        var names = invocation.Get(_names) ?? [];
        if (watch)
        {
            await WatchAsync(invocation, names, period, cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var all = await Inventory.ReadAsync(daemon, Invocation.LookTimeout, cancellation).ConfigureAwait(false);
        var chosen = all.Select(names);
        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            PrintJson(invocation, chosen, now);
            return;
        }

        invocation.Print(InFull(invocation, chosen, now));
    }

    private static async Task WatchAsync(
        Invocation invocation, IReadOnlyList<string> names, TimeSpan period, CancellationToken cancellation)
    {
        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);

        // Each service knows the names of its own kind only.
        var all = await Inventory.ReadAsync(daemon, Invocation.LookTimeout, stream.Token).ConfigureAwait(false);
        var chosen = all.Select(names);
        var options = new CallOptions(cancellationToken: stream.Token);
        var interval = Duration.FromTimeSpan(period);
        using var tunnels = names.Count > 0 && chosen.Tunnels.Count == 0
            ? null
            : daemon.Tunnels.WatchTunnels(
                new WatchTunnelsRequest { Names = { chosen.Tunnels.Select(t => t.Name).Where(names.Contains) }, Interval = interval },
                options);
        using var relays = names.Count > 0 && chosen.Relays.Count == 0
            ? null
            : daemon.Relays.WatchRelays(
                new WatchRelaysRequest { Names = { chosen.Relays.Select(r => r.Name).Where(names.Contains) }, Interval = interval },
                options);
        using var pairs = new InventoryStream(tunnels?.ResponseStream, relays?.ResponseStream);
        LiveScreen? live = null;
        try
        {
            await stream.ReadAsync(pairs, snapshot =>
            {
                var time = pairs.Time ?? invocation.Host.Time.GetUtcNow();
                if (invocation.Json)
                {
                    PrintJson(invocation, snapshot, time);
                }
                else if (invocation.CanRedraw)
                {
                    // Not before the first answer: an error belongs on the ordinary screen.
                    live ??= new LiveScreen(invocation.Host.Output, invocation.Host.Terminal.Rows);
                    live.Show(InFull(invocation, snapshot, time));
                }
                else
                {
                    invocation.Print(Lines(invocation, snapshot, time));
                }
            }).ConfigureAwait(false);
        }
        finally
        {
            live?.Dispose();
        }
    }

    private static Screen InFull(Invocation invocation, Inventory inventory, DateTimeOffset now)
    {
        var screen = invocation.NewScreen();
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

    private static Screen Lines(Invocation invocation, Inventory inventory, DateTimeOffset time)
    {
        var screen = invocation.NewScreen();
        StatsView.RenderLines(screen, inventory.Tunnels, time, invocation.Host.Time);
        foreach (var relay in inventory.Relays)
        {
            RelayStatsView.RenderLine(screen, relay, time, invocation.Host.Time);
        }

        return screen;
    }

    private static void PrintJson(Invocation invocation, Inventory inventory, DateTimeOffset time) =>
        invocation.PrintJson(writer =>
        {
            writer.WriteTime("time", time);
            TunnelJson.WriteAll(writer, "tunnels", inventory.Tunnels);
            RelayJson.WriteAll(writer, "relays", inventory.Relays);
        });
}
