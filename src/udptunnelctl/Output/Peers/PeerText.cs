// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Peers;

/// <summary>Facts about a peer of a secure tunnel in a few words; several views share them.</summary>
internal static class PeerText
{
    /// <summary><c>12 s ago</c>, or that there was none.</summary>
    public static string Handshake(TunnelPeer peer, DateTimeOffset now) =>
        TimeText.Of(peer.LastHandshake) is { } time ? TimeInWords.Ago(time, now) : "none yet";

    /// <summary>The endpoint, or that it is not known.</summary>
    public static string Endpoint(TunnelPeer peer) => peer.Endpoint.Length > 0 ? peer.Endpoint : "not known";

    /// <summary>The addresses that an approval has given, and whether they are those that the peer uses.</summary>
    public static string Given(TunnelPeer peer)
    {
        var given = peer.AllowedIps.Select(network => network.Split('/')[0]).ToList();
        var text = string.Join(", ", given);
        return given.TrueForAll(peer.UsedAddresses.Contains) ? $"{text}, which it uses already"
            : peer.UsedAddresses.Count == 0 ? $"{text}: set it at the peer, which has used none yet"
            : $"{text}: set it at the peer, which uses {string.Join(", ", peer.UsedAddresses)}";
    }

    /// <summary>Reasons for which packets were dropped, the most frequent first; null if none were.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="most">The most that are named.</param>
    public static string? Drops(TunnelPeer peer, int most)
    {
        var drops = (peer.Counters?.Drops ?? []).Where(d => d.Packets > 0).OrderByDescending(d => d.Packets).ToList();
        var named = drops.Take(most).Select(d => $"{TunnelText.Drop(d.Reason)}: {Quantity.Count(d.Packets)}");
        return drops.Count == 0 ? null : string.Join(", ", named) + (drops.Count > most ? ", and more" : "");
    }

    /// <summary>
    /// <c>2 of 3 peers are connected</c>. Of many, only those are known that the daemon lists with a tunnel.
    /// </summary>
    public static string Summary(Tunnel tunnel)
    {
        if (tunnel.PeerCount == 0)
        {
            return "none";
        }

        var connected = tunnel.Peers.Count(p => p.State == PeerState.Connected);
        var more = connected == tunnel.Peers.Count && tunnel.PeerCount > tunnel.Peers.Count ? " or more" : "";
        return $"{connected}{more} of {Quantity.Count(tunnel.PeerCount)} connected";
    }

    /// <summary>How a state looks.</summary>
    public static Style StyleOf(PeerState state) =>
        state switch
        {
            PeerState.Connected => Style.Good,
            PeerState.Unreachable => Style.Bad,
            PeerState.Idle => Style.Plain,
            _ => Style.Warning,
        };
}
