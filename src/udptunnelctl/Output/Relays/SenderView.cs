// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>Senders, and how to decide about them.</summary>
internal static class SenderView
{
    /// <summary>Pending senders that a status names; a stranger may make many.</summary>
    private const int PendingShown = 5;

    /// <summary>Every sender, those that wait first.</summary>
    public static void Render(Screen screen, IReadOnlyList<Sender> senders, DateTimeOffset now, TimeProvider clock)
    {
        if (senders.Count == 0)
        {
            screen.Line("No senders.");
            screen.Paragraph("A sender appears here when it connects to a receiver of this daemon.");
            return;
        }

        foreach (var sender in senders.OrderBy(s => s.State))
        {
            screen.Text(TerminalText.Fit(RelayText.Identity(sender), 60), Style.Strong).Text(": ");
            screen.Text(Words.Spoken(Words.Of(sender.State)), RelayText.StyleOf(sender.State)).EndLine();
            if (sender.Fingerprint.Length == 0)
            {
                screen.Field("identity", "none (classic): an approval is for one connection");
            }

            screen.Field("address", sender.Address.Length > 0 ? sender.Address : "not known");
            screen.Field("relay", sender.Relay);
            Introduction(screen, sender);
            if (TimeText.Of(sender.Since) is { } since)
            {
                screen.Field("since", $"{TimeText.Local(since, clock)} ({TimeInWords.Ago(since, now)})");
            }
        }

        if (senders.Any(s => s.State == SenderState.Pending))
        {
            screen.Line();
            screen.Line("Let one in:      udptunnelctl approve SENDER   (its first characters will do)");
            screen.Line("Send it away:    udptunnelctl deny SENDER");
        }
    }

    /// <summary>The senders that wait, each with the command that lets it in; nothing if there are none.</summary>
    public static void RenderPending(Screen screen, IEnumerable<Sender> senders, DateTimeOffset now)
    {
        var pending = senders.Where(s => s.State == SenderState.Pending).ToList();
        if (pending.Count == 0)
        {
            return;
        }

        screen.Line();
        screen.Line(
            pending.Count == 1
                ? "1 sender waits for approval:"
                : $"{Quantity.Count((ulong)pending.Count)} senders wait for approval:",
            Style.Warning
        );
        foreach (var sender in pending.Take(PendingShown))
        {
            var since = TimeText.Of(sender.Since) is { } time ? $", came {TimeInWords.Ago(time, now)}" : "";
            screen.Paragraph($"from {sender.Address} at {sender.Relay}{Serves(sender)}{since}", indent: 2);
            var identity = RelayText.Identity(sender);
            var isElsewhere = pending.Any(s => s.Relay != sender.Relay && RelayText.Identity(s) == identity);
            var where = isElsewhere ? $" --relay {sender.Relay}" : "";
            screen.Paragraph($"udptunnelctl approve {identity}{where}", indent: 4);
        }

        if (pending.Count > PendingShown)
        {
            screen.Line("  and more: udptunnelctl senders");
        }
    }

    /// <summary>What was decided about a sender.</summary>
    public static void RenderDecision(Screen screen, string decision, Sender sender, Style style)
    {
        screen
            .Text(TerminalText.Fit(RelayText.Identity(sender), 60), Style.Strong)
            .Text(" is ")
            .Text(decision, style)
            .EndLine();
        screen.Field("relay", sender.Relay);
        if (sender.Fingerprint.Length > 0 && sender.Address.Length > 0)
        {
            screen.Field("address", sender.Address);
        }

        Introduction(screen, sender);
    }

    /// <summary>One line for each sender that came, went or changed, for output that is appended.</summary>
    public static void RenderChanges(
        Screen screen,
        IEnumerable<Sender> before,
        IEnumerable<Sender> after,
        DateTimeOffset time,
        TimeProvider clock
    )
    {
        var known = before.ToList();
        foreach (var sender in after)
        {
            if (!known.Remove(sender))
            {
                // The same sender in another state has not gone.
                known.RemoveAll(s => Key(s) == Key(sender));
                Line(
                    screen,
                    sender,
                    Words.Spoken(Words.Of(sender.State)),
                    RelayText.StyleOf(sender.State),
                    time,
                    clock
                );
            }
        }

        foreach (var gone in known)
        {
            Line(screen, gone, "gone", Style.Plain, time, clock);
        }
    }

    /// <summary>A sender's words of itself, which nobody has checked.</summary>
    private static void Introduction(Screen screen, Sender sender)
    {
        if (sender.Host.Length > 0)
        {
            screen.Field("host", sender.Name.Length > 0 ? $"{sender.Host} (relay {sender.Name})" : sender.Host);
        }

        if (sender.Services.Count > 0)
        {
            screen.Field("serves", $"UDP {string.Join(", ", sender.Services.Select(RelayText.Range))}");
        }
    }

    private static string Serves(Sender sender) =>
        sender.Services.Count == 0 ? "" : $", serves UDP {string.Join(", ", sender.Services.Select(RelayText.Range))}";

    private static (string Identity, string Relay) Key(Sender sender) => (RelayText.Identity(sender), sender.Relay);

    private static void Line(
        Screen screen,
        Sender sender,
        string what,
        Style style,
        DateTimeOffset time,
        TimeProvider clock
    ) =>
        screen.Hanging(
            TimeText.Local(time, clock),
            21,
            sender.Fingerprint.Length > 0
                ? $"{sender.Relay}: {what}: {sender.Fingerprint} from {sender.Address}"
                : $"{sender.Relay}: {what}: {sender.Address} (no identity)",
            style
        );
}
