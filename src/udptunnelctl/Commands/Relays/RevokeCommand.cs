using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>revoke</c>: takes an approval back.</summary>
internal sealed class RevokeCommand(Invocation invocation)
{
    [Command(
        Description = "Forget the approval of a sender at every relay, or at one, and end its connection at once."
    )]
    [Example("udptunnelctl revoke SHA256:47DEQpj8")]
    [Example("udptunnelctl revoke SHA256:47DEQpj8 --relay game")]
    public async Task RunAsync(
        [SenderArgument, CompletedFrom(CompletionSource.ApprovedSenders)] string which,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay
    )
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Relays.RevokeSenderAsync(
                new RevokeSenderRequest { Sender = which, Relay = relay ?? "" },
                invocation.ChangeCall
            )
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.WriteAll(writer, "senders", answer.Senders));
            return;
        }

        var screen = invocation.NewScreen();
        foreach (var sender in answer.Senders)
        {
            SenderView.RenderDecision(screen, "revoked", sender, Style.Warning);
        }

        invocation.Print(screen);
    }
}
