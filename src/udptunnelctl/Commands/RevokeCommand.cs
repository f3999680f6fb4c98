// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>revoke</c>: takes an approval or an invitation back.</summary>
internal sealed class RevokeCommand(Invocation invocation)
{
    [Command(
        Description = "Forget the approval of a sender or peer everywhere, or at one place, and end its connection at once."
    )]
    [Example("udptunnelctl revoke SHA256:47DEQpj8")]
    [Example("udptunnelctl revoke SHA256:47DEQpj8 --relay game")]
    [Example("udptunnelctl revoke laptop")]
    public async Task RunAsync(
        [ApplicantArgument, CompletedFrom(CompletionSource.Approved)] string which,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay,
        [TunnelOption, CompletedFrom(CompletionSource.Tunnels)] string? tunnel
    )
    {
        var applicant = await Applicant.FindAsync(invocation, which, relay, tunnel).ConfigureAwait(false);
        if (applicant.IsPeer)
        {
            var request = new RevokePeerRequest { Peer = which, Tunnel = tunnel ?? "" };
            var peers = await applicant
                .AskAsync(applicant.Daemon.Tunnels.RevokePeerAsync(request, invocation.ChangeCall))
                .ConfigureAwait(false);
            applicant.PrintPeers("revoked", Style.Warning, peers.Peers, more: null);
            return;
        }

        var answer = await applicant
            .AskAsync(
                applicant.Daemon.Relays.RevokeSenderAsync(
                    new RevokeSenderRequest { Sender = which, Relay = relay ?? "" },
                    invocation.ChangeCall
                )
            )
            .ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => SenderJson.WriteAll(writer, "senders", answer.Senders));
            return;
        }

        applicant.PrintSenders("revoked", Style.Warning, answer.Senders, more: null);
    }
}
