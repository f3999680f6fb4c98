// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Tunnel.Secure;

namespace UdpTunnel.Tunnel;

/// <summary>What events of a secure tunnel say of a peer, for programs.</summary>
internal static class PeerFacts
{
    /// <summary>Of a peer wherever it is.</summary>
    public static EventFacts Of(PeerConfig peer) =>
        new() { Peer = peer.DisplayName, PublicKey = peer.PublicKey.ToString() };

    /// <summary>Of a peer where it was when something happened to it.</summary>
    public static EventFacts Of(PeerNews news) => Of(news.Peer.Config) with { Endpoint = $"{news.Endpoint}" };

    /// <summary>Of a peer that a person has chosen.</summary>
    public static EventFacts Of(PeerAt peer) =>
        new()
        {
            Peer = peer.Status.Name,
            PublicKey = peer.Status.PublicKey,
            Endpoint = $"{peer.Status.Endpoint}",
        };
}
