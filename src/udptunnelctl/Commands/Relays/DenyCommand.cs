using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>deny</c>: sends a pending sender away.</summary>
internal sealed class DenyCommand(Invocation invocation)
{
    [Command(Description = "Send a pending sender away. It is told so.")]
    [Example("udptunnelctl deny SHA256:47DEQpj8")]
    [Example("udptunnelctl deny SHA256:47DEQpj8 --relay game")]
    public async Task RunAsync(
        [SenderArgument, CompletedFrom(CompletionSource.PendingSenders)] string which,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay,
        [AllRelaysOption] bool all
    )
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Relays.DenySenderAsync(
                new DenySenderRequest
                {
                    Sender = which,
                    Relay = relay ?? "",
                    All = all,
                },
                invocation.ChangeCall
            )
            .ResponseAsync.ConfigureAwait(false);
        var senders = SenderJson.AllOf(answer.Sender, answer.Senders);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.WriteDecision(writer, senders));
            return;
        }

        var screen = invocation.NewScreen();
        foreach (var sender in senders)
        {
            SenderView.RenderDecision(screen, "denied", sender, Style.Warning);
        }

        invocation.Print(screen);
    }
}
