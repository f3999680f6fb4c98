using System.CommandLine;
using UdpTunnel.Cli.Live.Top;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>top</c>: what goes on, on the whole screen.</summary>
internal sealed class TopCommand : ControlCommand
{
    private const string Instead = "'udptunnelctl stats --watch' shows the counters line by line, with --json one object on each.";

    private readonly Option<string> _interval = new("--interval")
    {
        Description = "Time between two looks, 100ms to 1h; default 1s",
        HelpName = "DURATION",
        DefaultValueFactory = _ => "1s",
    };

    /// <summary>Declares the command.</summary>
    public TopCommand(CommandHost host, GlobalOptions global)
        : base(
            host,
            global,
            "top",
            "Watch tunnels, relays and flows on the whole screen, and let senders in. The daemon takes samples only meanwhile.") =>
        Add(_interval);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = ["udptunnelctl top", "udptunnelctl top --interval 250ms"];

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var interval = DurationText.Require("--interval", invocation.Get(_interval)!, "100ms", "1h");
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

        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        await new TopSession(invocation, daemon, stream, interval).RunAsync().ConfigureAwait(false);
    }
}
