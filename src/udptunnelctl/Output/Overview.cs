// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// What <c>udptunnelctl status</c> shows: every tunnel, every relay, and the senders and peers that wait for a person.
/// </summary>
internal static class Overview
{
    /// <summary>All on one screen, or how to start something if there is nothing.</summary>
    public static void Render(
        Screen screen,
        IReadOnlyList<Tunnel> tunnels,
        IReadOnlyList<Relay> relays,
        IReadOnlyList<Sender> senders,
        DateTimeOffset now
    )
    {
        if (tunnels.Count > 0 || relays.Count == 0)
        {
            StatusView.Render(screen, tunnels, now);
        }

        for (var i = 0; i < relays.Count; i++)
        {
            if (i > 0 || tunnels.Count > 0)
            {
                screen.Line();
            }

            RelayStatusView.Render(screen, relays[i], senders, now);
        }

        PeerView.RenderPending(screen, tunnels, now);
        SenderView.RenderPending(screen, senders, now);
    }
}
