// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Peers;

/// <summary>The peers of secure tunnels: a line each in other views, a block each in <c>peers</c>.</summary>
internal static class PeerView
{
    private const int NameWidth = 16;
    private const int StateWidth = 12;
    private const int EndpointWidth = 24;
    private const int AgeWidth = 9;
    private const int BytesWidth = 8;
    private const int DropsShown = 4;

    /// <summary>Pending peers that a status names; a stranger may make many.</summary>
    private const int PendingShown = 5;

    /// <summary>Every peer in full.</summary>
    public static void Render(Screen screen, IReadOnlyList<TunnelPeer> peers, uint total, DateTimeOffset now)
    {
        if (peers.Count == 0)
        {
            screen.Line("No peers.");
            screen.Paragraph(
                "'udptunnelctl invite' makes a peer of a tunnel with \"Protocol\": \"wireguard\"; others stand in its file."
            );
            return;
        }

        foreach (var peer in peers)
        {
            if (peer.State == PeerState.Pending)
            {
                RenderWaiting(screen, peer, now);
            }
            else
            {
                Render(screen, peer, now);
            }
        }

        if (total > peers.Count)
        {
            screen.Line($"and {Quantity.Count(total - (ulong)peers.Count)} more");
        }

        if (peers.Any(p => p.State == PeerState.Pending))
        {
            screen.Line();
            screen.Line("Let one in:      udptunnelctl approve KEY   (its first characters will do)");
            screen.Line("Send it away:    udptunnelctl deny KEY");
        }
    }

    /// <summary>The peers that wait, each with the command that lets it in; nothing if there are none.</summary>
    public static void RenderPending(Screen screen, IEnumerable<Tunnel> tunnels, DateTimeOffset now)
    {
        var pending = tunnels.SelectMany(t => t.PendingPeers).ToList();
        if (pending.Count == 0)
        {
            return;
        }

        screen.Line();
        screen.Line(
            pending.Count == 1
                ? "1 peer waits for approval:"
                : $"{Quantity.Count((ulong)pending.Count)} peers wait for approval:",
            Style.Warning
        );
        foreach (var peer in pending.Take(PendingShown))
        {
            var since = TimeText.Of(peer.Since) is { } time ? $", came {TimeInWords.Ago(time, now)}" : "";
            screen.Paragraph($"from {peer.Endpoint} at {peer.Tunnel}{Uses(peer)}{since}", indent: 2);
            screen.Paragraph($"udptunnelctl approve {peer.PublicKey}", indent: 4);
        }

        if (pending.Count > PendingShown)
        {
            screen.Line("  and more: udptunnelctl peers");
        }
    }

    /// <summary>What was decided about a peer.</summary>
    public static void RenderDecision(Screen screen, string decision, TunnelPeer peer, Style style)
    {
        screen.Text(TerminalText.Fit(peer.Name, 60), Style.Strong).Text(" is ").Text(decision, style).EndLine();
        screen.Field("tunnel", peer.Tunnel);
        screen.Field("key", peer.PublicKey);
        screen.Field("endpoint", PeerText.Endpoint(peer));
    }

    /// <summary>
    /// One line for each peer that a tunnel lists, and how many there are beside them; nothing if there are none.
    /// </summary>
    /// <param name="screen">Where to.</param>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="most">The most lines.</param>
    /// <param name="now">The time.</param>
    public static void RenderLines(Screen screen, Tunnel tunnel, int most, DateTimeOffset now)
    {
        if (tunnel.Peers.Count == 0)
        {
            return;
        }

        Row(screen, "peer", "state", Style.Plain, "endpoint", "handshake", "out", "in");
        foreach (var peer in tunnel.Peers.Take(most))
        {
            var counters = peer.Counters ?? new PeerCounters();
            Row(
                screen,
                peer.Name,
                Words.Spoken(Words.Of(peer.State)),
                PeerText.StyleOf(peer.State),
                peer.Endpoint,
                TimeText.Of(peer.LastHandshake) is { } time ? TimeInWords.Short(now - time) : "-",
                Quantity.Brief(counters.BytesOut),
                Quantity.Brief(counters.BytesIn)
            );
        }

        var shown = (uint)Math.Min(tunnel.Peers.Count, most);
        if (tunnel.PeerCount > shown)
        {
            screen.Line($"  and {Quantity.Count(tunnel.PeerCount - shown)} more: udptunnelctl peers {tunnel.Name}");
        }
    }

    private static void Render(Screen screen, TunnelPeer peer, DateTimeOffset now)
    {
        var counters = peer.Counters ?? new PeerCounters();
        screen.Text(TerminalText.Fit(peer.Name, 60), Style.Strong).Text(": ");
        screen.Text(Words.Spoken(Words.Of(peer.State)), PeerText.StyleOf(peer.State)).EndLine();
        screen.Field("tunnel", peer.Tunnel);
        screen.Field("key", peer.HasPresharedKey ? $"{peer.PublicKey}, and a preshared key" : peer.PublicKey);
        screen.Field("endpoint", PeerText.Endpoint(peer));
        if (peer.PathMtu > 0)
        {
            screen.Field("path", $"MTU {peer.PathMtu}, packets up to {peer.PacketMtu}");
        }

        screen.Field("handshake", Handshakes(peer, counters, now));
        if (TimeText.Of(peer.InvitedUntil) is { } until)
        {
            screen.Field("invited", $"not used yet; ends {TimeInWords.Short(until - now)} from now");
        }

        screen.Field("allowed", peer.AllowedIps.Count > 0 ? string.Join(", ", peer.AllowedIps) : "no addresses");
        if (peer.AllowedPorts.Count > 0)
        {
            screen.Field("ports", TunnelText.Ports(peer.AllowedPorts));
        }

        screen.Field(
            "total",
            $"out {Quantity.Bytes(counters.BytesOut)}, {Quantity.Packets(counters.PacketsOut)}; "
                + $"in {Quantity.Bytes(counters.BytesIn)}, {Quantity.Packets(counters.PacketsIn)}"
        );
        if (PeerText.Drops(peer, DropsShown) is { } drops)
        {
            screen.Field("dropped", drops);
        }
    }

    private static void RenderWaiting(Screen screen, TunnelPeer peer, DateTimeOffset now)
    {
        screen.Text(TerminalText.Fit(peer.PublicKey, 60), Style.Strong).Text(": ");
        screen.Text(Words.Spoken(Words.Of(peer.State)), PeerText.StyleOf(peer.State)).EndLine();
        screen.Field("tunnel", peer.Tunnel);
        screen.Field("endpoint", PeerText.Endpoint(peer));
        screen.Field("uses", peer.UsedAddresses.Count > 0 ? string.Join(", ", peer.UsedAddresses) : "no address yet");
        if (TimeText.Of(peer.Since) is { } since)
        {
            screen.Field("since", TimeInWords.Ago(since, now));
        }
    }

    private static string Uses(TunnelPeer peer) =>
        peer.UsedAddresses.Count == 0 ? "" : $", uses {string.Join(" and ", peer.UsedAddresses)}";

    private static string Handshakes(TunnelPeer peer, PeerCounters counters, DateTimeOffset now)
    {
        var failed = counters.HandshakesFailed > 0 ? $"; {Quantity.Count(counters.HandshakesFailed)} failed" : "";
        return $"{PeerText.Handshake(peer, now)}; {Quantity.Count(counters.Handshakes)} made{failed}";
    }

    private static void Row(
        Screen screen,
        string name,
        string state,
        Style style,
        string endpoint,
        string age,
        string outbound,
        string inbound
    )
    {
        screen.Text("  ").Cell(name, NameWidth).Cell(state, StateWidth, style).Cell(endpoint, EndpointWidth);
        screen.Cell(age, AgeWidth, right: true);
        screen.Cell(outbound, BytesWidth, right: true).Cell(inbound, BytesWidth, right: true).EndLine();
    }
}
