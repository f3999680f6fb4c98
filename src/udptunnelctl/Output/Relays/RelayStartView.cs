// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>What <c>udptunnelctl relay</c> and <c>up</c> show when a relay runs.</summary>
internal static class RelayStartView
{
    /// <summary>One screen: what was done, what has to be done next, and how to look further.</summary>
    public static void Render(Screen screen, Relay relay, IEnumerable<Diagnostic> warnings, string fileName)
    {
        screen.Text(TerminalText.Fit(relay.Name, 60), Style.Strong).Text(" is ");
        screen.Text("up", Style.Good).Text(" (").Text(Words.Spoken(Words.Of(relay.State))).Text(")").EndLine();
        if (relay.Problem.Length > 0)
        {
            screen.Field("problem", relay.Problem, Style.Warning);
        }

        screen.Field("role", RelayText.Role(relay));
        if (relay.OwnFingerprint.Length > 0)
        {
            screen.Field("own key", relay.OwnFingerprint);
        }

        screen.Field(
            "flows",
            $"at most {Quantity.Count(relay.MaxFlows)}, ended after {Idle(relay)} without a datagram"
        );
        screen.Field(
            "restart",
            relay.Ephemeral ? "does not start again with the daemon" : "starts again with the daemon"
        );
        if (Next(relay) is { } next)
        {
            screen.Field("next", next);
        }

        foreach (var warning in warnings)
        {
            screen.Paragraph(DiagnosticText.Render(warning, fileName), style: Style.Warning);
        }

        screen.Line();
        screen.Line($"Look at it: udptunnelctl status {relay.Name}");
        screen.Line($"Stop it:    udptunnelctl down {relay.Name}");
    }

    private static string Idle(Relay relay) => TimeInWords.Length(TimeText.Length(relay.IdleTimeout));

    private static string? Next(Relay relay) =>
        relay switch
        {
            { State: RelayState.Running } => "nothing: datagrams flow",
            { Role: RelayRole.Receiver } =>
                "start the sender, then 'udptunnelctl senders' and 'udptunnelctl approve SENDER' here",
            { State: RelayState.Connecting, Problem: "", OwnFingerprint.Length: > 0 } =>
                $"at the receiver's host, unless it was done before: udptunnelctl approve {relay.OwnFingerprint}",
            _ => RelayHint.For(relay, senders: []),
        };
}
