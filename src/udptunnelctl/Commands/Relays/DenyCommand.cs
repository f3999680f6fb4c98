using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>deny</c>: sends a pending sender away.</summary>
internal sealed class DenyCommand : ControlCommand
{
    private readonly Argument<string> _sender = SenderArgument.Create();

    /// <summary>Declares the command.</summary>
    public DenyCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "deny", "Send a pending sender away. It is told so.") =>
        Add(_sender);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = ["udptunnelctl deny SHA256:47DEQpj8"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) =>
        argument == 0 ? CompletionSource.PendingSenders : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Relays.DenySenderAsync(
            new DenySenderRequest { Sender = invocation.Get(_sender)! },
            Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
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
