using System.CommandLine;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>events</c>: what happened, and what happens.</summary>
internal sealed class EventsCommand : ControlCommand
{
    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "Only of this tunnel or relay, which need not exist any more",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Go on with what happens, until Ctrl-C" };

    /// <summary>Declares the command.</summary>
    public EventsCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "events", "Show what happened, as far as the daemon remembers it, the oldest first.")
    {
        Add(_name);
        Add(_follow);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl events", "udptunnelctl events home --follow", "udptunnelctl events --json | jq .events[-1]"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) =>
        argument == 0 ? CompletionSource.TunnelsAndRelays : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var tunnel = invocation.Get(_name) ?? "";
        if (invocation.Get(_follow))
        {
            await FollowAsync(invocation, tunnel, cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Events.ListEventsAsync(
            new ListEventsRequest { Tunnel = tunnel }, Invocation.Within(Invocation.LookTimeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => EventJson.WriteAll(writer, "events", answer.Events));
        }
        else if (answer.Events.Count == 0)
        {
            invocation.Print(invocation.NewScreen().Line("No events."));
        }
        else
        {
            Print(invocation, answer.Events);
        }
    }

    private static async Task FollowAsync(Invocation invocation, string tunnel, CancellationToken cancellation)
    {
        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        using var call = daemon.Events.WatchEvents(
            new WatchEventsRequest { Tunnel = tunnel }, new CallOptions(cancellationToken: stream.Token));
        await stream.ReadAsync(call.ResponseStream, message =>
        {
            if (!invocation.Json)
            {
                Print(invocation, message.Events);
                return;
            }

            foreach (var happened in message.Events)
            {
                invocation.PrintJson(writer => EventJson.WriteMembers(writer, happened));
            }
        }).ConfigureAwait(false);
    }

    private static void Print(Invocation invocation, IEnumerable<Event> events)
    {
        var screen = invocation.NewScreen();
        EventView.Render(screen, events, invocation.Host.Time);
        invocation.Print(screen);
    }
}
