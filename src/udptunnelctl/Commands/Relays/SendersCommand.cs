using System.CommandLine;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>senders</c>: who wants in, who is in, and who may come back.</summary>
internal sealed class SendersCommand : ControlCommand
{
    private readonly Argument<string?> _relay = new("NAME")
    {
        Description = "Only of this relay",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "Go on with what changes, until Ctrl-C" };

    /// <summary>Declares the command.</summary>
    public SendersCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "senders", "Show the senders that wait for approval, are connected, or are remembered as approved.")
    {
        Add(_relay);
        Add(_follow);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl senders",
        "udptunnelctl senders --follow --json | jq .senders[].state",
    ];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument == 0 ? CompletionSource.Relays : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var relay = invocation.Get(_relay) ?? "";
        invocation.Names = relay.Length > 0 ? [relay] : [];
        if (invocation.Get(_follow))
        {
            await FollowAsync(invocation, relay, cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Relays.ListSendersAsync(
            new ListSendersRequest { Relay = relay }, Invocation.Within(Invocation.LookTimeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.WriteAll(writer, "senders", answer.Senders));
            return;
        }

        var screen = invocation.NewScreen();
        SenderView.Render(screen, answer.Senders, invocation.Host.Time.GetUtcNow(), invocation.Host.Time);
        invocation.Print(screen);
    }

    private static async Task FollowAsync(Invocation invocation, string relay, CancellationToken cancellation)
    {
        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        using var call = daemon.Relays.WatchSenders(
            new WatchSendersRequest { Relay = relay }, new CallOptions(cancellationToken: stream.Token));
        IReadOnlyList<Sender> before = [];
        await stream.ReadAsync(call.ResponseStream, message =>
        {
            if (invocation.Json)
            {
                invocation.PrintJson(writer => SenderJson.WriteAll(writer, "senders", message.Senders));
                return;
            }

            var screen = invocation.NewScreen();
            var clock = invocation.Host.Time;
            SenderView.RenderChanges(screen, before, message.Senders, clock.GetUtcNow(), clock);
            invocation.Print(screen);
            before = message.Senders;
        }).ConfigureAwait(false);
    }
}
