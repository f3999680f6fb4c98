// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What <c>udptunnelctl up</c> shows when the tunnel runs.</summary>
internal static class StartView
{
    /// <summary>One screen: what was done, what the kernel gave, and how to look further.</summary>
    public static void Render(
        Screen screen,
        Tunnel tunnel,
        IEnumerable<Diagnostic> warnings,
        string fileName,
        DateTimeOffset now
    )
    {
        screen.Text(TerminalText.Fit(tunnel.Name, 60), Style.Strong).Text(" is ");
        screen.Text("up", Style.Good).Text($" ({State(tunnel)})").EndLine();
        screen.Field("device", TunnelText.Device(tunnel));
        screen.Field("mode", TunnelText.Mode(tunnel));
        if (TunnelText.IsSecure(tunnel))
        {
            screen.Field("key", tunnel.PublicKey);
            screen.Field("peers", PeerText.Summary(tunnel));
        }
        else
        {
            screen.Field("peer", TunnelText.Peer(tunnel, now));
        }

        screen.Field("ports", $"{TunnelText.Ports(tunnel.AllowedPorts)} (TCP and UDP)");
        screen.Field("offloads", TunnelText.Offloads(tunnel.Offloads));
        screen.Field("firewall", tunnel.Firewall ? "an nftables table allows the same ports" : "none of its own");
        screen.Field(
            "restart",
            tunnel.Ephemeral ? "does not start again with the daemon" : "starts again with the daemon"
        );
        foreach (var warning in warnings)
        {
            screen.Paragraph(DiagnosticText.Render(warning, fileName), style: Style.Warning);
        }

        screen.Line();
        if (tunnel is { State: TunnelState.Waiting, Mode: TunnelMode.Client })
        {
            // A server sends nothing by itself, so that silence right after the start means nothing yet.
            screen.Line("Try it:     ping the server's address in the tunnel");
        }

        screen.Line($"Look at it: udptunnelctl {(TunnelText.IsSecure(tunnel) ? "peers" : "status")} {tunnel.Name}");
        screen.Line($"Stop it:    udptunnelctl down {tunnel.Name}");
    }

    /// <summary>"Waiting" alone leaves open for what, and reads as if the start were not over.</summary>
    private static string State(Tunnel tunnel) =>
        tunnel.State == TunnelState.Waiting
            ? $"waiting for {(TunnelText.IsSecure(tunnel) ? "its peers" : "the other end")}"
            : Words.Spoken(Words.Of(tunnel.State));
}
