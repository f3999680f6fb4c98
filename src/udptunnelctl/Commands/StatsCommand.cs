using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;

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
    public override CompletionSource CompletionOf(int argument) => CompletionSource.TunnelsAndRelays;

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
            using var stream = new InterruptibleStream(invocation, cancellation);
            await new StatsWatch(invocation, stream).RunAsync(names, period).ConfigureAwait(false);
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
