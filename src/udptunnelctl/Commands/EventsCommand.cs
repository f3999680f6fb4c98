using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>events</c>: what happened, and what happens.</summary>
internal sealed class EventsCommand(Invocation invocation)
{
    [Command(Description = "Show what happened, as far as the daemon remembers it, the oldest first.")]
    [Example("udptunnelctl events")]
    [Example("udptunnelctl events home --follow")]
    [Example("udptunnelctl events --json | jq '.events[-1]'")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Only of this tunnel or relay, which need not exist any more")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string? name,
        [Option("follow", ['f'], Description = "Go on with what happens, until Ctrl-C")] bool follow
    )
    {
        var tunnel = name ?? "";
        if (follow)
        {
            await FollowAsync(invocation, tunnel, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Events.ListEventsAsync(new ListEventsRequest { Tunnel = tunnel }, invocation.LookCall)
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
            new WatchEventsRequest { Tunnel = tunnel },
            new CallOptions(cancellationToken: stream.Token)
        );
        await stream
            .ReadAsync(call.ResponseStream, message =>
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
            })
            .ConfigureAwait(false);
    }

    private static void Print(Invocation invocation, IEnumerable<Event> events)
    {
        var screen = invocation.NewScreen();
        EventView.Render(screen, events, invocation.Host.Time);
        invocation.Print(screen);
    }
}
