// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What <c>udptunnelctl status</c> shows: a short block for each tunnel.</summary>
internal static class StatusView
{
    /// <summary>Reasons named in the line of drops; <c>stats</c> shows all.</summary>
    private const int DropsShown = 3;

    /// <summary>Lines of peers; <c>peers</c> shows all.</summary>
    private const int PeersShown = 10;

    /// <summary>Leaves room for the state beside it; the time up is cut where a name is that long.</summary>
    private const int LongestName = 64;

    /// <summary>All tunnels, or how to start one if there are none.</summary>
    public static void Render(
        Screen screen,
        IReadOnlyList<Tunnel> tunnels,
        DateTimeOffset now,
        int mostPeers = PeersShown
    )
    {
        if (tunnels.Count == 0)
        {
            screen.Line("No tunnels and no relays.");
            screen.Paragraph(
                "Start one with 'udptunnelctl up CONFIG.json' or 'udptunnelctl relay'; 'udptunnelctl check CONFIG.json' tells whether "
                    + "a file is right."
            );
            return;
        }

        var first = true;
        foreach (var tunnel in tunnels)
        {
            if (!first)
            {
                screen.Line();
            }

            Render(screen, tunnel, now, mostPeers);
            first = false;
        }
    }

    private static void Render(Screen screen, Tunnel tunnel, DateTimeOffset now, int mostPeers)
    {
        Head(screen, tunnel, now);
        if (tunnel.Problem.Length > 0)
        {
            screen.Field("problem", tunnel.Problem, Style.Bad);
        }

        screen.Field("device", TunnelText.Device(tunnel));
        screen.Field("mode", TunnelText.Mode(tunnel));
        if (tunnel.State != TunnelState.Failed)
        {
            Peers(screen, tunnel, now);
            Traffic(screen, tunnel);
        }

        if (Drops(tunnel.Counters) is { } drops)
        {
            screen.Field("dropped", drops);
        }

        var ports = TunnelText.FoldedPorts(tunnel.AllowedPorts, tunnel.Name);
        screen.Field("ports", tunnel.Firewall ? $"{ports}; guarded by an nftables table too" : ports);
        if (TunnelHint.For(tunnel, now) is { } hint)
        {
            screen.Field("hint", hint, Style.Warning);
        }

        PeerView.RenderLines(screen, tunnel, mostPeers, now);
    }

    private static void Peers(Screen screen, Tunnel tunnel, DateTimeOffset now)
    {
        if (TunnelText.IsSecure(tunnel))
        {
            screen.Field("key", tunnel.PublicKey);
            screen.Field("peers", PeerText.Summary(tunnel));
        }
        else
        {
            screen.Field("peer", TunnelText.Peer(tunnel, now));
        }
    }

    /// <summary>The line with name, state and how long the tunnel is up.</summary>
    private static void Head(Screen screen, Tunnel tunnel, DateTimeOffset now)
    {
        screen.Text(TerminalText.Fit(tunnel.Name, LongestName), Style.Strong).Text(": ");
        screen
            .Text(Words.Spoken(Words.Of(tunnel.State)), TunnelText.StyleOf(tunnel.State))
            .Text(TimeInWords.Up(tunnel.Started, now))
            .EndLine();
    }

    private static void Traffic(Screen screen, Tunnel tunnel)
    {
        var rates = tunnel.Rates ?? new Rates();
        var counters = tunnel.Counters ?? new Counters();
        screen.Field(
            "now",
            $"out {Quantity.BitRate(rates.BytesOutPerSecond)}, {Quantity.PacketRate(rates.PacketsOutPerSecond)}; "
                + $"in {Quantity.BitRate(rates.BytesInPerSecond)}, {Quantity.PacketRate(rates.PacketsInPerSecond)}"
        );
        screen.Field(
            "total",
            $"out {Quantity.Bytes(counters.BytesOut)}, {Quantity.Packets(counters.PacketsOut)}; "
                + $"in {Quantity.Bytes(counters.BytesIn)}, {Quantity.Packets(counters.PacketsIn)}"
        );
    }

    private static string? Drops(Counters? counters)
    {
        var drops = (counters?.Drops ?? []).Where(d => d.Packets > 0).OrderByDescending(d => d.Packets).ToList();
        if (drops.Count == 0)
        {
            return null;
        }

        var shown = drops
            .Take(DropsShown)
            .Select(d =>
                $"{TunnelText.Drop(d.Reason)}: {Quantity.Count(d.Packets)} {Words.Spoken(Words.Of(d.Direction))}"
            );
        var rest = drops.Count > DropsShown ? ", and more: see stats" : "";
        return string.Join(", ", shown) + rest;
    }
}
