// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>ping</c>: asks a peer inside its tunnel whether it is there.</summary>
internal sealed class PingCommand(Invocation invocation)
{
    private const int DefaultCount = 4;
    private const int MostCount = 10_000;

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // The first packet to a peer has its path searched, which takes a tenth of a second longer than the answer.
    private static readonly TimeSpan PathPause = TimeSpan.FromMilliseconds(400);

    [Command(
        Description = "Send echo requests to a peer inside its tunnel, and show the round trips and what the path "
            + "carries. The exit code is 6 if no answer came."
    )]
    [Example("udptunnelctl ping laptop")]
    [Example("udptunnelctl ping wg0 --count 1 --timeout 500ms")]
    [Example("udptunnelctl ping laptop --address fd00:99::2 --json")]
    public async Task RunAsync(
        [Argument("WHICH", Description = "A peer: its name, key, or address; or a tunnel with one peer")]
        [CompletedFrom(CompletionSource.Approved)]
            string which,
        [Option("count", ValueName = "N", Description = "How many; default 4")] long? count,
        [Option("timeout", ValueName = "DURATION", Description = "How long to wait for each answer; default 2s")]
        [DurationRange("10ms", "1m")]
            TimeSpan? timeout,
        [Option(
            "address",
            ValueName = "ADDRESS",
            Description = "The inner address to ask, instead of the peer's first"
        )]
            string? address,
        [TunnelOption, CompletedFrom(CompletionSource.Tunnels)] string? tunnel
    )
    {
        if (count is < 1 or > MostCount)
        {
            throw UsageFailure.Usage($"--count: 1 to {MostCount} is allowed", "See 'udptunnelctl ping --help'.");
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var request = new PingPeerRequest
        {
            Address = address ?? "",
            Timeout = Duration.FromTimeSpan(timeout ?? DefaultTimeout),
        };
        var isTunnel = tunnel is null && await IsSecureTunnelAsync(daemon, which).ConfigureAwait(false);
        request.Peer = isTunnel ? "" : which;
        request.Tunnel = isTunnel ? which : tunnel ?? "";

        var wanted = count ?? DefaultCount;
        var answers = new List<PingPeerResponse>();
        var limit = (timeout ?? DefaultTimeout) + Invocation.LookTimeout;
        while (answers.Count < wanted)
        {
            if (answers.Count > 0)
            {
                await Task.Delay(Pause, invocation.Cancellation).ConfigureAwait(false);
            }

            var answer = await daemon
                .Tunnels.PingPeerAsync(request, Invocation.Within(limit, invocation.Cancellation))
                .ResponseAsync.ConfigureAwait(false);
            answers.Add(answer);
            if (!invocation.Json)
            {
                invocation.Print(invocation.NewScreen().Line(Line(answer), Look(answer)));
            }
        }

        Conclude(answers, await PathOfAsync(daemon, answers).ConfigureAwait(false));
    }

    /// <summary>The peer with what is known of its path after the answers.</summary>
    private async Task<TunnelPeer> PathOfAsync(DaemonConnection daemon, List<PingPeerResponse> answers)
    {
        var peer = answers[^1].Peer ?? new TunnelPeer();
        if (peer.PathMtu > 0 || answers.TrueForAll(a => a.RoundTrip is null))
        {
            return peer;
        }

        await Task.Delay(PathPause, invocation.Cancellation).ConfigureAwait(false);
        var all = await daemon
            .Tunnels.ListTunnelPeersAsync(new ListTunnelPeersRequest { Tunnel = peer.Tunnel }, invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        return all.Peers.FirstOrDefault(p => p.PublicKey == peer.PublicKey) ?? peer;
    }

    private void Conclude(List<PingPeerResponse> answers, TunnelPeer path)
    {
        var last = answers[^1];
        var times = answers.Where(a => a.RoundTrip is not null).Select(a => TimeText.Length(a.RoundTrip)).ToList();
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("tunnel", last.Peer?.Tunnel ?? "");
                writer.WriteString("peer", last.Peer?.Name ?? "");
                writer.WriteString("address", last.Address);
                writer.WriteNumber("sent", answers.Count);
                writer.WriteNumber("answered", times.Count);
                writer.WriteStartArray("roundTrips");
                foreach (var time in times)
                {
                    writer.WriteNumberValue(time.TotalSeconds);
                }

                writer.WriteEndArray();
                writer.WriteNumber("mtu", last.Mtu);
                writer.WriteKnown("pathMtu", path.PathMtu);
                writer.WriteKnown("packetMtu", path.PacketMtu);
            });
        }
        else
        {
            var lost = (answers.Count - times.Count) * 100 / answers.Count;
            var range =
                times.Count > 0 ? $"; round trip {Milliseconds(times.Min())} to {Milliseconds(times.Max())}" : "";
            var carries = path.PathMtu > 0 ? $"{path.PathMtu}, packets up to {path.PacketMtu}" : "not known";
            invocation.Print(
                invocation
                    .NewScreen()
                    .Paragraph(
                        $"{answers.Count} sent, {times.Count} answered, {lost} % lost{range}; "
                            + $"MTU {last.Mtu}, of the path {carries}"
                    )
            );
        }

        if (times.Count == 0)
        {
            throw new CommandException(ExitCode.TimedOut, "no_answer", $"no answer came from {last.Address}")
            {
                Advice = $"'udptunnelctl doctor {last.Peer?.Tunnel}' says what may be the reason.",
                IsInOutput = invocation.Json,
            };
        }
    }

    /// <exception cref="CommandException">It is a classic tunnel, which does not know who is in it.</exception>
    private async Task<bool> IsSecureTunnelAsync(DaemonConnection daemon, string which)
    {
        var list = await daemon
            .Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        var named = list.Tunnels.FirstOrDefault(t => t.Name == which);
        return named is not { Protocol: TunnelProtocol.Classic }
            ? named is not null
            : throw new CommandException(
                ExitCode.Usage,
                "classic_tunnel",
                $"{which} is a classic tunnel, which does not know the address inside of its other end"
            )
            {
                Advice =
                    "Use ping with the other end's TunnelAddress; "
                    + $"'udptunnelctl doctor {which}' says what may be wrong if no answer comes.",
            };
    }

    private static string Line(PingPeerResponse answer)
    {
        var who = $"{answer.Address} ({answer.Peer?.Name})";
        return answer.RoundTrip is not null ? $"{who}: {Milliseconds(TimeText.Length(answer.RoundTrip))}"
            : answer.Dropped != DropReason.Unspecified ? $"{who}: dropped here: {TunnelText.Drop(answer.Dropped)}"
            : $"{who}: no answer";
    }

    private static Style Look(PingPeerResponse answer) => answer.RoundTrip is null ? Style.Bad : Style.Plain;

    private static string Milliseconds(TimeSpan time) =>
        FormattableString.Invariant($"{time.TotalMilliseconds:0.00} ms");
}
