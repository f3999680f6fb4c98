using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>stats</c>: every counter, once or again and again.</summary>
internal sealed class StatsCommand : ControlCommand
{
    private const string DefaultInterval = "1s";

    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "Only these tunnels",
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
        : base(host, global, "stats", "Show the counters of tunnels, all since they started.")
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
        invocation.Names = invocation.Get(_names) ?? [];
        if (watch)
        {
            await WatchAsync(invocation, period, cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Tunnels.ListTunnelsAsync(
            new ListTunnelsRequest { Names = { invocation.Names } },
            Invocation.Within(Invocation.LookTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            PrintJson(invocation, answer.Tunnels, now);
            return;
        }

        var screen = invocation.NewScreen();
        StatsView.Render(screen, answer.Tunnels, now);
        invocation.Print(screen);
    }

    private static async Task WatchAsync(Invocation invocation, TimeSpan period, CancellationToken cancellation)
    {
        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        var request = new WatchTunnelsRequest { Names = { invocation.Names }, Interval = Duration.FromTimeSpan(period) };
        using var call = daemon.Tunnels.WatchTunnels(request, new CallOptions(cancellationToken: stream.Token));
        LiveScreen? live = null;
        try
        {
            await stream.ReadAsync(call.ResponseStream, snapshot =>
            {
                var time = Moment.Of(snapshot.Time) ?? invocation.Host.Time.GetUtcNow();
                if (invocation.Json)
                {
                    PrintJson(invocation, snapshot.Tunnels, time);
                }
                else if (invocation.CanRedraw)
                {
                    // Not before the first answer: an error belongs on the ordinary screen.
                    live ??= new LiveScreen(invocation.Host.Output, invocation.Host.Terminal.Rows);
                    var screen = invocation.NewScreen();
                    StatsView.Render(screen, snapshot.Tunnels, time);
                    live.Show(screen);
                }
                else
                {
                    var screen = invocation.NewScreen();
                    StatsView.RenderLines(screen, snapshot.Tunnels, time, invocation.Host.Time);
                    invocation.Print(screen);
                }
            }).ConfigureAwait(false);
        }
        finally
        {
            live?.Dispose();
        }
    }

    private static void PrintJson(Invocation invocation, IEnumerable<Tunnel> tunnels, DateTimeOffset time) =>
        invocation.PrintJson(writer =>
        {
            writer.WriteTime("time", time);
            TunnelJson.WriteAll(writer, "tunnels", tunnels);
        });
}
