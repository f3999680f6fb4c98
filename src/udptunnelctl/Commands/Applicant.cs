// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// Whom a decision is about: a sender at a receiver, or a peer of a secure tunnel. One set of words is for both.
/// </summary>
internal sealed class Applicant
{
    private const string FingerprintPrefix = "SHA256:";

    private readonly Invocation _invocation;
    private readonly string _text;

    private Applicant(Invocation invocation, DaemonConnection daemon, string text, bool isPeer)
    {
        _invocation = invocation;
        _text = text;
        Daemon = daemon;
        IsPeer = isPeer;
    }

    /// <summary>Who decides.</summary>
    public DaemonConnection Daemon { get; }

    /// <summary>Whether it is a peer; else a sender.</summary>
    public bool IsPeer { get; }

    /// <summary>Finds out what a text means.</summary>
    /// <param name="invocation">What was asked for.</param>
    /// <param name="text">What the user wrote.</param>
    /// <param name="relay">The relay that was named; null if none was.</param>
    /// <param name="tunnel">The tunnel that was named; null if none was.</param>
    /// <param name="isPeerOnly">Whether something was said that only a peer has.</param>
    /// <exception cref="CommandException">It means a sender as well as a peer.</exception>
    public static async Task<Applicant> FindAsync(
        Invocation invocation,
        string text,
        string? relay,
        string? tunnel,
        bool isPeerOnly = false
    )
    {
        isPeerOnly |= tunnel is not null;
        if (relay is not null && isPeerOnly)
        {
            throw UsageFailure.Usage(
                "--relay is for a sender, and --tunnel, --name and --address are for a peer",
                "Say one of them."
            );
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var isSenderOnly = relay is not null || text.StartsWith(FingerprintPrefix, StringComparison.Ordinal);
        if (isSenderOnly || isPeerOnly)
        {
            return new Applicant(invocation, daemon, text, isPeerOnly);
        }

        var peers = await PeersAsync(invocation, daemon, text).ConfigureAwait(false);
        if (peers.Count == 0)
        {
            return new Applicant(invocation, daemon, text, isPeer: false);
        }

        var senders = await daemon
            .Relays.ListSendersAsync(new ListSendersRequest(), invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        return senders.Senders.FirstOrDefault(sender => Means(text, sender)) is { } other
            ? throw new CommandException(
                ExitCode.Usage,
                "ambiguous_sender",
                $"'{text}' means the sender {RelayText.Identity(other)} at {other.Relay} "
                    + $"and the peer {peers[0].PublicKey} of {peers[0].Tunnel}"
            )
            {
                Advice = "Use more of the key, or say --relay or --tunnel.",
            }
            : new Applicant(invocation, daemon, text, isPeer: true);
    }

    /// <summary>Asks the daemon for what is decided about a sender.</summary>
    /// <exception cref="CommandException">There is neither a sender nor a peer that is meant.</exception>
    public async Task<T> AskAsync<T>(AsyncUnaryCall<T> call)
    {
        try
        {
            return await call.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException e)
            when (!IsPeer
                && e.StatusCode == StatusCode.NotFound
                && !_text.StartsWith(FingerprintPrefix, StringComparison.Ordinal)
            )
        {
            var failure = RpcFailure.Translate(e, _invocation.Place.Name, _invocation.Service);
            throw new CommandException(failure.ExitCode, failure.Reason, failure.Message)
            {
                Advice = "Nor is there such a peer: 'udptunnelctl senders' and 'udptunnelctl peers' show both.",
            };
        }
    }

    /// <summary>Prints what was decided about a sender, at one receiver or several.</summary>
    public void PrintDecision(
        string decision,
        Style style,
        Sender sender,
        IReadOnlyList<Sender> all,
        Action<Screen, Sender>? more
    )
    {
        var senders = SenderJson.AllOf(sender, all);
        if (_invocation.Json)
        {
            _invocation.PrintJson(writer => SenderJson.WriteDecision(writer, senders));
            return;
        }

        PrintSenders(decision, style, senders, more);
    }

    /// <summary>Prints what was decided about senders.</summary>
    public void PrintSenders(string decision, Style style, IReadOnlyList<Sender> senders, Action<Screen, Sender>? more)
    {
        var screen = _invocation.NewScreen();
        foreach (var sender in senders)
        {
            SenderView.RenderDecision(screen, decision, sender, style);
            more?.Invoke(screen, sender);
        }

        _invocation.Print(screen);
    }

    /// <summary>Prints what was decided about peers.</summary>
    public void PrintPeers(
        string decision,
        Style style,
        IReadOnlyList<TunnelPeer> peers,
        Action<Screen, TunnelPeer>? more
    )
    {
        if (_invocation.Json)
        {
            _invocation.PrintJson(writer => PeerJson.WriteAll(writer, "peers", peers));
            return;
        }

        var screen = _invocation.NewScreen();
        foreach (var peer in peers)
        {
            PeerView.RenderDecision(screen, decision, peer, style);
            more?.Invoke(screen, peer);
        }

        _invocation.Print(screen);
    }

    private static async Task<IReadOnlyList<TunnelPeer>> PeersAsync(
        Invocation invocation,
        DaemonConnection daemon,
        string text
    )
    {
        try
        {
            var answer = await daemon
                .Tunnels.ListTunnelPeersAsync(new ListTunnelPeersRequest { Peer = text }, invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            return answer.Peers;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            // An older daemon without peers.
            return [];
        }
    }

    private static bool Means(string text, Sender sender) =>
        sender.Address == text
        || (
            sender.Fingerprint.StartsWith(FingerprintPrefix, StringComparison.Ordinal)
            && sender.Fingerprint.AsSpan(FingerprintPrefix.Length).StartsWith(text, StringComparison.Ordinal)
        );
}
