// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>deny</c>: sends a pending sender or peer away.</summary>
internal sealed class DenyCommand(Invocation invocation)
{
    [Command(
        Description = "Send a pending sender or peer away. A sender is told so; a peer gets no answer for an hour."
    )]
    [Example("udptunnelctl deny SHA256:47DEQpj8")]
    [Example("udptunnelctl deny SHA256:47DEQpj8 --relay game")]
    [Example("udptunnelctl deny rHv8wSio")]
    public async Task RunAsync(
        [ApplicantArgument, CompletedFrom(CompletionSource.Pending)] string which,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay,
        [TunnelOption, CompletedFrom(CompletionSource.Tunnels)] string? tunnel,
        [AllPlacesOption] bool all
    )
    {
        var applicant = await Applicant.FindAsync(invocation, which, relay, tunnel).ConfigureAwait(false);
        if (applicant.IsPeer)
        {
            var request = new DenyPeerRequest
            {
                Peer = which,
                Tunnel = tunnel ?? "",
                All = all,
            };
            var peers = await applicant
                .AskAsync(applicant.Daemon.Tunnels.DenyPeerAsync(request, invocation.ChangeCall))
                .ConfigureAwait(false);
            applicant.PrintPeers("denied", Style.Warning, peers.Peers, more: null);
            return;
        }

        var answer = await applicant
            .AskAsync(
                applicant.Daemon.Relays.DenySenderAsync(
                    new DenySenderRequest
                    {
                        Sender = which,
                        Relay = relay ?? "",
                        All = all,
                    },
                    invocation.ChangeCall
                )
            )
            .ConfigureAwait(false);
        applicant.PrintDecision("denied", Style.Warning, answer.Sender, answer.Senders, more: null);
    }
}
