using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay accept-key</c>: takes a receiver's new key for the right one.</summary>
internal sealed class RelayAcceptKeyCommand : ControlCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "Name of the relay (a sender)" };
    private readonly Argument<string> _fingerprint = new("FINGERPRINT") { Description = "The new key in full: SHA256:..." };

    /// <summary>Declares the command.</summary>
    public RelayAcceptKeyCommand(CommandHost host, GlobalOptions global)
        : base(
            host,
            global,
            "accept-key",
            "Accept the key of a receiver that shows another one than before. Ask its owner first: somebody else may answer in its place.")
    {
        Add(_name);
        Add(_fingerprint);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl relay accept-key dns SHA256:..."];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument == 0 ? CompletionSource.Relays : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var name = invocation.Get(_name)!;
        invocation.Names = [name];
        if (!KeyFingerprint.TryParse(invocation.Get(_fingerprint)!, out var fingerprint, out var error))
        {
            throw UsageFailure.Usage(error, $"'udptunnelctl status {name}' shows the key that the receiver has now.");
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Relays.AcceptReceiverKeyAsync(
            new AcceptReceiverKeyRequest { Name = name, Fingerprint = fingerprint.ToString() },
            Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
        var relay = answer.Relay ?? new Relay { Name = name };
        if (invocation.Json)
        {
            invocation.PrintJson(writer => RelayJson.Write(writer, "relay", relay));
            return;
        }

        var screen = invocation.NewScreen();
        screen.Text(TerminalText.Fit(name, 40), Style.Strong).Line(" accepts the receiver with the key");
        screen.Line($"  {fingerprint}");
        invocation.Print(screen);
    }
}
