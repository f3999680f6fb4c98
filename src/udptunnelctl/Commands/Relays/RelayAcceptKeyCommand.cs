// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay accept-key</c>: takes a receiver's new key for the right one.</summary>
internal sealed class RelayAcceptKeyCommand(Invocation invocation)
{
    [Command(
        Description = "Accept the key of a receiver that shows another one than before. Ask its owner first: somebody "
            + "else may answer in its place."
    )]
    [Example("udptunnelctl relay accept-key dns SHA256:...")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the relay (a sender)")]
        [CompletedFrom(CompletionSource.Relays)]
            string name,
        [Argument("FINGERPRINT", Description = "The new key in full: SHA256:...")] string key
    )
    {
        invocation.Names = [name];
        if (!KeyFingerprint.TryParse(key, out var fingerprint, out var error))
        {
            throw UsageFailure.Usage(error, $"'udptunnelctl status {name}' shows the key that the receiver has now.");
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Relays.AcceptReceiverKeyAsync(
                new AcceptReceiverKeyRequest { Name = name, Fingerprint = fingerprint.ToString() },
                invocation.ChangeCall
            )
            .ResponseAsync.ConfigureAwait(false);
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
