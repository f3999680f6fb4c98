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
    public async Task RunAsync(
        [SenderArgument, CompletedFrom(CompletionSource.PendingSenders)] string which)
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon.Relays.DenySenderAsync(
            new DenySenderRequest { Sender = which },
            invocation.ChangeCall).ResponseAsync.ConfigureAwait(false);
        var sender = answer.Sender ?? new Sender();
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.Write(writer, "sender", sender));
            return;
        }

        var screen = invocation.NewScreen();
        SenderView.RenderDecision(screen, "denied", sender, Style.Warning);
        invocation.Print(screen);
    }
}
