using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>approve</c>: lets a pending sender in.</summary>
internal sealed class ApproveCommand : ControlCommand
{
    private readonly Argument<string> _sender = SenderArgument.Create();

    private readonly Option<bool> _once = new("--once") { Description = "Only for this connection: do not remember its key" };

    /// <summary>Declares the command.</summary>
    public ApproveCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "approve", "Let a pending sender in, and remember its key, so that it may come back without a person.")
    {
        Add(_sender);
        Add(_once);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl approve SHA256:47DEQpj8", "udptunnelctl approve 192.0.2.7:40112 --once"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) =>
        argument == 0 ? CompletionSource.PendingSenders : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var request = new ApproveSenderRequest { Sender = invocation.Get(_sender)!, Once = invocation.Get(_once) };
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Relays.ApproveSenderAsync(
            request, Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
        var sender = answer.Sender ?? new Sender();
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.Write(writer, "sender", sender));
            return;
        }

        var screen = invocation.NewScreen();
        SenderView.RenderDecision(screen, "approved", sender, Style.Good);
        screen.Field("kept", Remembered(sender, request.Once));
        invocation.Print(screen);
    }

    private static string Remembered(Sender sender, bool once) => (sender.Fingerprint.Length > 0, once) switch
    {
        (false, _) => "no: a classic sender has no identity; this is for one connection",
        (true, true) => "no: this is for one connection",
        (true, false) => "yes: it is let in when it comes back; 'udptunnelctl revoke' forgets it",
    };
}
