// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What to look at when a tunnel does not do what it is for.</summary>
internal static class TunnelHint
{
    /// <summary>
    /// Silence is remarkable after so many heartbeats were missed. The interval is this end's; the client may have
    /// another, so that silence alone does not say that it is down.
    /// </summary>
    private const int MissedHeartbeats = 3;

    /// <summary>
    /// Silence is not remarked upon before, whatever the heartbeat interval: the client looks its server's name up
    /// every 30 s, so that a change of address alone costs as much.
    /// </summary>
    private static readonly TimeSpan ShortestSilence = TimeSpan.FromSeconds(60);

    /// <summary>A hint of a few sentences; null if nothing seems wrong.</summary>
    public static string? For(Tunnel tunnel, DateTimeOffset now) =>
        tunnel.State switch
        {
            TunnelState.Waiting or TunnelState.Running when tunnel.Loop.Length > 0 => Sentence(tunnel.Loop),
            TunnelState.Waiting or TunnelState.Running when tunnel.Remarks.Count > 0 => string.Join(
                " ",
                tunnel.Remarks.Select(Sentence)
            ),
            TunnelState.Resolving =>
                $"The name in {tunnel.NetworkAddress} does not resolve yet; the tunnel goes on trying. "
                    + "Look at the DNS of this host: 'getent ahosts NAME'.",
            TunnelState.Waiting => TunnelText.IsSecure(tunnel) ? WaitingForPeers(tunnel) : Waiting(tunnel),
            TunnelState.Running => TunnelText.IsSecure(tunnel) ? null : Silent(tunnel, now),
            TunnelState.DeviceLost => "The daemon goes on trying to make the device again. If that does not help: "
                + $"'udptunnelctl down {tunnel.Name}', then start it again.",
            TunnelState.Failed =>
                $"Put right what the problem says, then 'udptunnelctl down {tunnel.Name}' and start it again.",
            _ => null,
        };

    private static string Sentence(string text) =>
        char.ToUpperInvariant(text[0]) + text[1..] + (text.EndsWith('?') ? "" : ".");

    private static string Waiting(Tunnel tunnel)
    {
        if (Dropped(tunnel, DropReason.Magic) is > 0 and var wrong)
        {
            return $"{Quantity.Count(wrong)} datagrams came with another magic: is PacketMagic the same at both ends?";
        }

        return tunnel.Mode == TunnelMode.Client
            ? "Nothing heard from the server yet. It sends only what it has to send, so ping its tunnel address. If nothing comes: does "
                + $"udptunneld run there, is its UDP port reachable ({tunnel.NetworkAddress}), is PacketMagic the same at both ends, and do "
                + $"they have different addresses of one network (here {tunnel.TunnelAddress})?"
            : $"Nothing heard from a client yet. Does it run, does UDP port {tunnel.LocalPort} of this host reach it through every "
                + "firewall between, and is PacketMagic the same at both ends?";
    }

    private static string WaitingForPeers(Tunnel tunnel)
    {
        if (tunnel.PeerCount == 0)
        {
            return "It has no peers: add them to its file (\"Peers\") and 'udptunnelctl reload' it.";
        }

        if (Dropped(tunnel, DropReason.WrongKey) is > 0 and var wrong)
        {
            return $"{Quantity.Count(wrong)} handshakes were for another public key: do the peers have the one above?";
        }

        if (Dropped(tunnel, DropReason.UnknownPeer) is > 0 and var unknown)
        {
            return $"{Quantity.Count(unknown)} handshakes came with a key that is no peer's: is the other end's public key in the file?";
        }

        return "No handshake came about yet. A peer begins one when it has something to send, so ping its address in the tunnel. If "
            + $"nothing comes: does UDP port {tunnel.LocalPort} of this host reach it through every firewall between, and does each "
            + "end have the other's public key?";
    }

    private static string? Silent(Tunnel tunnel, DateTimeOffset now)
    {
        if (TimeText.Of(tunnel.Peer?.LastHeard) is not { } heard)
        {
            return null;
        }

        if (tunnel.Counters is { PacketsIn: 0 } && tunnel.Mode == TunnelMode.Server)
        {
            return "Only heartbeats came so far. If nothing passes: do both ends have different addresses of one network "
                + $"(here {tunnel.TunnelAddress})?";
        }

        var silence = now - heard;

        // Only clients send heartbeats: a server hears something even when idle, a client need not.
        if (tunnel.Mode == TunnelMode.Server)
        {
            var limit = TimeSpan.FromSeconds((double)tunnel.HeartbeatInterval * MissedHeartbeats);
            limit = limit < ShortestSilence ? ShortestSilence : limit;
            return tunnel.HeartbeatInterval > 0 && silence > limit
                ? $"Nothing heard from the client for {TimeInWords.Length(silence)}. It may be idle, if its HeartbeatInterval is longer "
                    + "than that, or away: ping its tunnel address."
                : null;
        }

        return silence > ShortestSilence && tunnel.Rates?.PacketsOutPerSecond > 0
            ? "Packets go out and nothing comes back: is the server down, or the network between?"
            : null;
    }

    private static ulong Dropped(Tunnel tunnel, DropReason reason)
    {
        var sum = 0UL;
        foreach (var drop in tunnel.Counters?.Drops ?? [])
        {
            sum += drop.Reason == reason ? drop.Packets : 0;
        }

        return sum;
    }
}
