// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>
/// What <c>udptunnelctl status</c> shows of a relay: a short block, with its flows if it was asked for by name.
/// </summary>
internal static class RelayStatusView
{
    /// <summary>Reasons named in the line of drops; <c>stats</c> shows all.</summary>
    private const int DropsShown = 3;

    /// <summary>Leaves room for the state beside it; the time up is cut where a name is that long.</summary>
    private const int LongestName = 64;

    /// <summary>The block of one relay.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="relay">The relay.</param>
    /// <param name="senders">The senders of this daemon that wait, which are shown elsewhere.</param>
    /// <param name="now">By the clock of the daemon.</param>
    public static void Render(Screen screen, Relay relay, IReadOnlyList<Sender> senders, DateTimeOffset now)
    {
        screen.Text(TerminalText.Fit(relay.Name, LongestName), Style.Strong).Text(": ");
        screen
            .Text(Words.Spoken(Words.Of(relay.State)), RelayText.StyleOf(relay.State))
            .Text(TimeInWords.Up(relay.Started, now))
            .EndLine();
        if (relay.Problem.Length > 0)
        {
            screen.Field("problem", relay.Problem, Style.Bad);
        }

        screen.Field("role", RelayText.Role(relay));
        if (relay.State != RelayState.Failed)
        {
            screen.Field(RelayText.PeerLabel(relay), RelayText.Peer(relay, now));
            if (relay.PeerFingerprint.Length > 0)
            {
                screen.Field("its key", relay.PeerFingerprint);
            }

            screen.Field("now", RelayText.Now(relay.Rates ?? new RelayRates()));
            screen.Field("total", RelayText.Total(relay.Counters ?? new RelayCounters()));
            screen.Field("flows", RelayText.Flows(relay));
        }

        if (Drops(relay.Counters) is { } drops)
        {
            screen.Field("dropped", drops);
        }

        if (relay.ServiceProblem.Length > 0)
        {
            screen.Field("service", relay.ServiceProblem, Style.Warning);
        }

        if (RelayHint.For(relay, senders) is { } hint)
        {
            screen.Field("hint", hint, Style.Warning);
        }
    }

    /// <summary>One relay with all that is known of it: its own key, its senders and its flows.</summary>
    public static void RenderInFull(
        Screen screen,
        Relay relay,
        IReadOnlyList<Sender> senders,
        IReadOnlyList<RelayFlow> flows,
        DateTimeOffset now
    )
    {
        Render(screen, relay, senders, now);
        if (relay.OwnFingerprint.Length > 0)
        {
            screen.Field("own key", relay.OwnFingerprint);
        }

        screen.Field("flows end", $"after {TimeInWords.Length(TimeText.Length(relay.IdleTimeout))} without a datagram");
        if (relay.AllowedClients.Count > 0)
        {
            screen.Field("clients", $"of {string.Join(", ", relay.AllowedClients)} alone");
        }

        screen.Field(
            "restart",
            relay.Ephemeral ? "does not start again with the daemon" : "starts again with the daemon"
        );
        SenderView.RenderPending(screen, senders, now);
        FlowView.Render(screen, flows);
    }

    private static string? Drops(RelayCounters? counters)
    {
        var drops = (counters?.Drops ?? []).Where(d => d.Packets > 0).OrderByDescending(d => d.Packets).ToList();
        if (drops.Count == 0)
        {
            return null;
        }

        var shown = drops.Take(DropsShown).Select(d => $"{Quantity.Count(d.Packets)} {RelayText.Drop(d.Reason)}");
        return string.Join(", ", shown) + (drops.Count > DropsShown ? ", and more: see stats" : "");
    }
}
