using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>revoke</c>: takes an approval back.</summary>
internal sealed class RevokeCommand : ControlCommand
{
    private readonly Argument<string> _sender = SenderArgument.Create();

    /// <summary>Declares the command.</summary>
    public RevokeCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "revoke", "Forget the approval of a sender at every relay, and end its connection at once.") =>
        Add(_sender);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = ["udptunnelctl revoke SHA256:47DEQpj8"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) =>
        argument == 0 ? CompletionSource.ApprovedSenders : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Relays.RevokeSenderAsync(
            new RevokeSenderRequest { Sender = invocation.Get(_sender)! },
            Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
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
