// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>Whether the peers of secure tunnels are there, and why they may not be.</summary>
internal sealed class PeerCheck : ICheck
{
    private const int MostNamed = 16;
    private const string SamePresharedKey = "the same \"PresharedKey\" at both ends, or none at both";

    // A handshake that is under way was answered once or twice: the next try comes after five seconds.
    private const long FewAnswered = 3;

    /// <summary>Copies of a datagram arrive twice or late, and are no earlier than this.</summary>
    private static readonly TimeSpan JitterOfClocks = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan MostClocksDiffer = TimeSpan.FromMinutes(1);

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

        var problems = tunnel.Peers.Select(peer => (peer.Name, Problems: ProblemsOf(peer, tunnel).ToList()));
        foreach (var (peer, found) in problems.Where(p => p.Problems.Count > 0).Take(MostNamed))
        {
            foreach (var (problem, remedy) in found)
            {
                yield return Warning($"the peer {peer} {problem}", remedy);
            }
        }

        Finding Warning(string message, string remedy) => new(Id, CheckResult.Warning, message, remedy, name);
    }

    private static IEnumerable<(string Problem, string Remedy)> ProblemsOf(PeerStatus peer, TunnelStatus tunnel) =>
        [.. AddressesOf(peer, tunnel.Config), .. PacketsOf(peer, tunnel), .. ClockOf(peer), .. HandshakesOf(peer)];

    private static IEnumerable<(string Problem, string Remedy)> AddressesOf(PeerStatus peer, TunnelConfig config)
    {
        // What it sent before it was approved is among them, from what are its networks now.
        var foreign = peer.Signs.ForeignSources.Where(source => !IsAllowed(peer, source)).ToList();
        var isExplained = peer.Signs.ForeignSources.Count > 0 && foreign.Count == 0;
        if (Dropped(peer, DropReason.WrongSource) is not (> 0 and var packets) || isExplained)
        {
            yield break;
        }

        if (foreign.Find(source => config.TunnelAddresses.Any(a => a.Address.Equals(source))) is { } own)
        {
            yield return (
                $"sends from {own}, which is this end's own address: both ends have it",
                "another \"TunnelAddress\" at one end"
            );
            yield break;
        }

        yield return (
            $"sent {packets} packets from addresses that are not among its \"AllowedIPs\""
                + (foreign.Count > 0 ? $", the last from {foreign[0]}" : ""),
            "\"AllowedIPs\" of the peer here, its address there"
        );
    }

    private static IEnumerable<(string Problem, string Remedy)> PacketsOf(PeerStatus peer, TunnelStatus tunnel)
    {
        if (tunnel.Config.Mtu != TunnelConfig.AutoMtu && peer.Signs.LongestPacket > tunnel.Config.Mtu)
        {
            yield return (
                $"sent packets of {peer.Signs.LongestPacket} bytes, and \"Mtu\" is {tunnel.Config.Mtu} here: "
                    + "it is greater there",
                $"\"Mtu\": {tunnel.Config.Mtu} at its end, or the greater one here"
            );
        }
    }

    private static IEnumerable<(string Problem, string Remedy)> ClockOf(PeerStatus peer)
    {
        if (peer.Signs.StaleBy > JitterOfClocks)
        {
            yield return (
                $"shakes hands with a time {InWords(peer.Signs.StaleBy)} before its last one, and gets no answer: "
                    + "probably its clock was set back, or somebody sends recorded datagrams",
                "timedatectl, at the other end; once its clock is later than at its last handshake it is answered"
            );
        }
        else if (peer.Signs.ClockAhead is { } ahead && ahead.Duration() > MostClocksDiffer)
        {
            yield return (
                $"shook hands with a time {InWords(ahead.Duration())} {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} "
                    + "this host's: one of the two clocks is wrong, and once one that was ahead is set back, its "
                    + "handshakes get no answer for as long",
                "sudo timedatectl set-ntp true, at the end whose clock is wrong"
            );
        }
    }

    private static IEnumerable<(string Problem, string Remedy)> HandshakesOf(PeerStatus peer)
    {
        if (peer.Signs.Unverified > 0)
        {
            yield return (
                "answers handshakes in a way that does not verify: probably the preshared keys of both ends differ",
                SamePresharedKey
            );
        }
        else if (peer.Signs.Answered >= FewAnswered)
        {
            yield return (
                $"was answered {peer.Signs.Answered} handshakes and does not go on: "
                    + "probably the preshared keys of both ends differ, or the answers do not arrive there",
                $"{SamePresharedKey}; udptunnelctl doctor, at the other end"
            );
        }
        else if (peer.State is PeerState.Connecting or PeerState.Unreachable)
        {
            yield return (
                $"does not answer handshakes at {peer.Endpoint}: it does not run, does not know this end's public key, "
                    + "or something in between drops the datagrams",
                "udptunnelctl doctor or wg show, at the other end"
            );
        }
    }

    private static bool IsAllowed(PeerStatus peer, IPAddress address)
    {
        var prefix = IpPrefix.Of(address, address.GetAddressBytes().Length * 8);
        return peer.AllowedIps.Any(text => IpPrefix.TryParse(text, out var n, out _, out _) && n.Contains(prefix));
    }

    private static string InWords(TimeSpan time) =>
        time.TotalMinutes < 2 ? $"{time.TotalSeconds:0} seconds"
        : time.TotalHours < 2 ? $"{time.TotalMinutes:0} minutes"
        : time.TotalDays < 2 ? $"{time.TotalHours:0} hours"
        : $"{time.TotalDays:0} days";

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
