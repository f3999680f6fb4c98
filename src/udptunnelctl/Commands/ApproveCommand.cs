// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>approve</c>: lets a pending sender or peer in.</summary>
internal sealed class ApproveCommand(Invocation invocation)
{
    [Command(
        Description = "Let a pending sender or peer in, and remember its key, so that it may come back without a person."
    )]
    [Example("udptunnelctl approve SHA256:47DEQpj8")]
    [Example("udptunnelctl approve SHA256:47DEQpj8 --relay game")]
    [Example("udptunnelctl approve 192.0.2.7:40112 --once")]
    [Example("udptunnelctl approve rHv8wSio --name laptop --address 10.99.0.7")]
    public async Task RunAsync(
        [ApplicantArgument, CompletedFrom(CompletionSource.Pending)] string which,
        [Option("once", Description = "Only for this connection or session: do not remember its key")] bool once,
        [Option("name", ValueName = "NAME", Description = "A peer: what it is called from now on")] string? name,
        [Option(
            "address",
            ValueName = "ADDRESS",
            Description = "A peer: its inner address, instead of the one that it uses or the next free one; "
                + "again for another"
        )]
            string[]? address,
        [RelayOption, CompletedFrom(CompletionSource.Relays)] string? relay,
        [TunnelOption, CompletedFrom(CompletionSource.Tunnels)] string? tunnel,
        [AllPlacesOption] bool all
    )
    {
        var isPeerOnly = name is not null || address is { Length: > 0 };
        var applicant = await Applicant.FindAsync(invocation, which, relay, tunnel, isPeerOnly).ConfigureAwait(false);
        if (applicant.IsPeer)
        {
            var request = new ApprovePeerRequest
            {
                Peer = which,
                Tunnel = tunnel ?? "",
                Name = name ?? "",
                Addresses = { address ?? [] },
                Once = once,
                All = all,
            };
            var peers = await applicant
                .AskAsync(applicant.Daemon.Tunnels.ApprovePeerAsync(request, invocation.ChangeCall))
                .ConfigureAwait(false);
            applicant.PrintPeers("approved", Style.Good, peers.Peers, (screen, peer) =>
            {
                screen.Field("address", PeerText.Given(peer));
                screen.Field("kept", once ? "no: only for as long as its session lasts" : Kept);
            });
            return;
        }

        var answer = await applicant
            .AskAsync(
                applicant.Daemon.Relays.ApproveSenderAsync(
                    new ApproveSenderRequest
                    {
                        Sender = which,
                        Once = once,
                        Relay = relay ?? "",
                        All = all,
                    },
                    invocation.ChangeCall
                )
            )
            .ConfigureAwait(false);
        applicant.PrintDecision("approved", Style.Good, answer.Sender, answer.Senders, (screen, sender) =>
            screen.Field("kept", Remembered(sender, once))
        );
    }

    private const string Kept = "yes: it is let in when it comes back; 'udptunnelctl revoke' forgets it";

    private static string Remembered(Sender sender, bool once) =>
        (sender.Fingerprint.Length > 0, once) switch
        {
            (false, _) => "no: a classic sender has no identity; this is for one connection",
            (true, true) => "no: this is for one connection",
            (true, false) => Kept,
        };
}
