using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>Whether the peers of secure tunnels are there, and why they may not be.</summary>
internal sealed class PeerCheck : ICheck
{
    private const int MostNamed = 16;

    /// <inheritdoc/>
    public string Id => "peers";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) =>
        patient
            .Tunnels.Where(t => t.Config.Protocol == TunnelProtocol.WireGuard && t.State != TunnelState.Failed)
            .SelectMany(t => Of(t).DefaultIfEmpty(AllWell(t)));

    private Finding AllWell(TunnelStatus tunnel)
    {
        var connected = tunnel.Peers.Count(peer => peer.State == PeerState.Connected);
        return new Finding(
            Id,
            CheckResult.Ok,
            $"{connected} of {tunnel.Peers.Count} peers {(connected == 1 ? "is" : "are")} connected",
            Subject: tunnel.Config.Name
        );
    }

    private IEnumerable<Finding> Of(TunnelStatus tunnel)
    {
        var name = tunnel.Config.Name;
        if (tunnel.Peers.Count == 0)
        {
            yield return Warning("it has no peers", "\"Peers\" in its file");
        }

        if (Dropped(tunnel, DropReason.WrongKey) is > 0 and var wrong)
        {
            yield return Warning(
                $"{wrong} handshakes were for another public key than this end's: the other end has a wrong one",
                $"the public key of this end is {tunnel.PublicKey}"
            );
        }

        if (tunnel.PendingPeers.Count > 0)
        {
            var key = tunnel.PendingPeers[0].PublicKey;
            yield return Warning(
                $"{tunnel.PendingPeers.Count} wait for approval, the first from {tunnel.PendingPeers[0].Endpoint}",
                $"udptunnelctl approve {key}, or deny"
            );
        }
        else if (Dropped(tunnel, DropReason.UnknownPeer) is > 0 and var unknown)
        {
            yield return Warning(
                $"{unknown} handshakes came with a key that is no peer's",
                "the other end's public key as \"PublicKey\" of a peer"
            );
        }

        if (Dropped(tunnel, DropReason.UnderLoad) is > 0 and var many)
        {
            yield return Warning(
                $"{many} handshakes came in so short a time that their senders had to prove their addresses first",
                "udptunnelctl stats, and again after a while"
            );
        }

        if (tunnel.Peers.Count > 0 && tunnel.Peers.All(p => p.LastHeard is null))
        {
            yield return tunnel.Peers.Any(p => p.Endpoint.Length > 0)
                ? Warning(
                    "nothing has come from any peer: no packet was sent to one yet, none runs, "
                        + "or something in between drops the datagrams",
                    $"ping a peer's address in the tunnel; sudo tcpdump -ni any udp port {tunnel.LocalPort}"
                )
                : Warning(
                    "nothing has come from any peer, and none has an \"Endpoint\" by which it could be called: "
                        + $"they have to call UDP port {tunnel.LocalPort}",
                    $"sudo tcpdump -ni any udp port {tunnel.LocalPort}; \"Endpoint\" at one end"
                );
        }

        foreach (var (peer, address) in SharedAddresses(tunnel.Config))
        {
            yield return Warning(
                $"{address} is this end's own address and among the \"AllowedIPs\" of the peer {peer}: "
                    + "both ends have it",
                "another \"TunnelAddress\" at one end"
            );
        }

        foreach (var (inner, outer) in Overlaps(tunnel.Config))
        {
            yield return Warning(
                $"{inner.Network} of the peer {inner.Peer} is inside {outer.Network} of the peer {outer.Peer}: "
                    + $"its packets go to {inner.Peer} alone, and {outer.Peer} may not send from there",
                "other \"AllowedIPs\" of one of them, if that is not meant"
            );
        }

        if (Dropped(tunnel, DropReason.NoRoute) is > 0 and var lost)
        {
            yield return Warning(
                $"{lost} packets went to addresses that are among no peer's \"AllowedIPs\"",
                "ip route; \"AllowedIPs\""
            );
        }

        var suspect = tunnel.Peers.Where(peer => peer.State != PeerState.Connected || peer.Drops.Count > 0);
        foreach (var peer in suspect.Take(MostNamed))
        {
            foreach (var (problem, remedy) in ProblemsOf(peer))
            {
                yield return Warning($"the peer {peer.Name} {problem}", remedy);
            }
        }

        Finding Warning(string message, string remedy) => new(Id, CheckResult.Warning, message, remedy, name);
    }

    private static IEnumerable<(string Problem, string Remedy)> ProblemsOf(PeerStatus peer)
    {
        if (Dropped(peer, DropReason.WrongSource) is > 0 and var foreign)
        {
            yield return (
                $"sent {foreign} packets from addresses that are not among its \"AllowedIPs\"",
                "\"AllowedIPs\" of the peer here, its address there"
            );
        }

        if (peer.State == PeerState.Connected)
        {
            yield break;
        }

        if (Dropped(peer, DropReason.NotAuthentic) > 0)
        {
            yield return (
                "shakes hands in a way that does not verify: the preshared keys of both ends differ",
                "the same \"PresharedKey\" at both ends, or none at both"
            );
        }

        if (Dropped(peer, DropReason.HandshakeReplayed) > 0)
        {
            yield return (
                "shakes hands with a time before its last one: its clock was set back, "
                    + "or somebody sends recorded datagrams",
                "the clock at the other end"
            );
        }

        if (peer.State is PeerState.Connecting or PeerState.Unreachable)
        {
            yield return (
                $"does not answer handshakes at {peer.Endpoint}: it does not run, does not know this end's public key, "
                    + "or something in between drops the datagrams",
                "udptunnelctl doctor or wg show, at the other end"
            );
        }
    }

    private static IEnumerable<(string Peer, IPAddress Address)> SharedAddresses(TunnelConfig config)
    {
        var own = config.TunnelAddresses.Select(a => IpPrefix.Of(a.Address, a.IsV6 ? 128 : 32)).ToHashSet();
        return config
            .Peers.SelectMany(
                p => p.AllowedIPs.Where(own.Contains),
                (peer, network) => (peer.DisplayName, network.Address)
            )
            .Take(MostNamed);
    }

    /// <summary>Networks of one peer inside another's, but for those inside a default route.</summary>
    private static IEnumerable<((IpPrefix Network, string Peer) Inner, (IpPrefix Network, string Peer) Outer)> Overlaps(
        TunnelConfig config
    ) =>
        NestedNetworks
            .Find(
                config.Peers.SelectMany(
                    p => p.AllowedIPs,
                    (peer, network) => (Network: network, Peer: peer.DisplayName)
                ),
                n => n.Network
            )
            .Where(pair => pair.Inner.Peer != pair.Outer.Peer && !pair.Outer.Network.IsDefault)
            .Take(MostNamed);

    private static long Dropped(TunnelStatus tunnel, DropReason reason) =>
        tunnel.Drops.Where(d => d.Reason == reason).Sum(d => d.Packets);

    private static long Dropped(PeerStatus peer, DropReason reason) =>
        peer.Drops.Where(d => d.Reason == reason).Sum(d => d.Packets);
}
