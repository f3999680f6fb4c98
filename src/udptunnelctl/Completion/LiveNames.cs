// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Completion;

/// <summary>Names that the daemon knows at the moment.</summary>
internal static class LiveNames
{
    /// <summary>Somebody has pressed Tab and waits.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    // A shell that lists more helps nobody.
    private const uint MostPeers = 1000;

    /// <summary>Asks the daemon; nothing if it does not answer.</summary>
    /// <param name="host">The world around.</param>
    /// <param name="there">The value of <c>--host</c> if it was typed, else null.</param>
    /// <param name="socket">The value of <c>--socket</c> if it was typed, else null.</param>
    /// <param name="source">What is wanted.</param>
    public static async Task<IEnumerable<Candidate>> OfAsync(
        CommandHost host,
        string? there,
        string? socket,
        CompletionSource source
    )
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            using var daemon = await host
                .Connector.ConnectAsync(
                    DaemonPlace.Resolve(there, socket, host.Environment),
                    mayAsk: false,
                    patience.Token
                )
                .ConfigureAwait(false);
            if (source is CompletionSource.Pending or CompletionSource.Approved)
            {
                var isPending = source == CompletionSource.Pending;
                var senders = await SendersAsync(daemon, isPending, patience.Token).ConfigureAwait(false);
                var peers = await PeersAsync(daemon, isPending, patience.Token).ConfigureAwait(false);
                return senders.Concat(peers).DistinctBy(c => c.Word);
            }

            var inventory = await Inventory.ReadAsync(daemon, Patience, patience.Token).ConfigureAwait(false);
            var tunnels =
                source == CompletionSource.Relays
                    ? []
                    : inventory.Tunnels.Select(t => new Candidate(
                        t.Name,
                        $"{Words.Spoken(Words.Of(t.Mode))}, {Words.Spoken(Words.Of(t.State))}"
                    ));
            var relays =
                source == CompletionSource.Tunnels
                    ? []
                    : inventory.Relays.Select(r => new Candidate(
                        r.Name,
                        $"{Words.Spoken(Words.Of(r.Role))}, {Words.Spoken(Words.Of(r.State))}"
                    ));
            return tunnels.Concat(relays);
        }
        catch (Exception e) when (e is CommandException or RpcException or OperationCanceledException)
        {
            return [];
        }
    }

    private static async Task<IEnumerable<Candidate>> SendersAsync(
        DaemonConnection daemon,
        bool isPending,
        CancellationToken cancellation
    )
    {
        var answer = await daemon
            .Relays.ListSendersAsync(new ListSendersRequest(), Invocation.Within(Patience, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        return answer
            .Senders.Where(s => s.State == SenderState.Pending == isPending)
            .Select(s => new Candidate(
                RelayText.Identity(s),
                $"{Words.Spoken(Words.Of(s.State))} at {s.Relay}, from {s.Address}"
            ));
    }

    private static async Task<IEnumerable<Candidate>> PeersAsync(
        DaemonConnection daemon,
        bool isPending,
        CancellationToken cancellation
    )
    {
        try
        {
            var request = new ListTunnelPeersRequest { Limit = MostPeers };
            var answer = await daemon
                .Tunnels.ListTunnelPeersAsync(request, Invocation.Within(Patience, cancellation))
                .ResponseAsync.ConfigureAwait(false);
            return answer
                .Peers.Where(p => p.State == PeerState.Pending == isPending)
                .Select(p => new Candidate(
                    isPending ? p.PublicKey : p.Name,
                    $"{Words.Spoken(Words.Of(p.State))} at {p.Tunnel}, {PeerText.Endpoint(p)}"
                ));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            // An older daemon without peers.
            return [];
        }
    }
}
