// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>senders</c>: who wants in, who is in, and who may come back.</summary>
internal sealed class SendersCommand(Invocation invocation)
{
    [Command(Description = "Show the senders that wait for approval, are connected, or are remembered as approved.")]
    [Example("udptunnelctl senders")]
    [Example("udptunnelctl senders --follow --json | jq '.senders[].state'")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Only of this relay"), CompletedFrom(CompletionSource.Relays)] string? name,
        [Option("follow", ['f'], Description = "Go on with what changes, until Ctrl-C")] bool follow
    )
    {
        var relay = name ?? "";
        invocation.Names = relay.Length > 0 ? [relay] : [];
        if (follow)
        {
            await FollowAsync(invocation, relay, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Relays.ListSendersAsync(new ListSendersRequest { Relay = relay }, invocation.LookCall)
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
            new WatchSendersRequest { Relay = relay },
            new CallOptions(cancellationToken: stream.Token)
        );
        IReadOnlyList<Sender> before = [];
        await stream
            .ReadAsync(call.ResponseStream, message =>
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
            })
            .ConfigureAwait(false);
    }
}
