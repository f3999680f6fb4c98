using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>approve</c>: lets a pending sender in.</summary>
internal sealed class ApproveCommand(Invocation invocation)
{
    [Command(Description = "Let a pending sender in, and remember its key, so that it may come back without a person.")]
    [Example("udptunnelctl approve SHA256:47DEQpj8")]
    [Example("udptunnelctl approve SHA256:47DEQpj8 --relay game")]
    [Example("udptunnelctl approve 192.0.2.7:40112 --once")]
    public async Task RunAsync(
        [SenderArgument, CompletedFrom(CompletionSource.PendingSenders)] string which,
        [Option("once", Description = "Only for this connection: do not remember its key")] bool once,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay,
        [AllRelaysOption] bool all
    )
    {
        var request = new ApproveSenderRequest
        {
            Sender = which,
            Once = once,
            Relay = relay ?? "",
            All = all,
        };
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Relays.ApproveSenderAsync(request, invocation.ChangeCall)
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
            SenderView.RenderDecision(screen, "approved", sender, Style.Good);
            screen.Field("kept", Remembered(sender, request.Once));
        }

        invocation.Print(screen);
    }

    private static string Remembered(Sender sender, bool once) =>
        (sender.Fingerprint.Length > 0, once) switch
        {
            (false, _) => "no: a classic sender has no identity; this is for one connection",
            (true, true) => "no: this is for one connection",
            (true, false) => "yes: it is let in when it comes back; 'udptunnelctl revoke' forgets it",
        };
}
