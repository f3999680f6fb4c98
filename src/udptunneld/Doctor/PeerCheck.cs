using UdpTunnel.Config;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// The peers of secure tunnels: which of them no handshake came about with, and the likeliest reason by what was dropped.
/// </summary>
internal sealed class PeerCheck(TimeProvider time) : ICheck
{
    private const string OverlapId = "peer_addresses";

    /// <summary>Findings about peers of one tunnel; the others are counted.</summary>
    private const int MostNamed = 20;

    /// <inheritdoc/>
    public string Id => "peer";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) => patient.Tunnels
        .Where(t => t.Config.Protocol == TunnelProtocol.WireGuard && t.State is not (TunnelState.Failed or TunnelState.DeviceLost))
        .SelectMany(Of);

    private IEnumerable<Finding> Of(TunnelStatus tunnel)
    {
        var name = tunnel.Config.Name;
        if (tunnel.Peers.Count == 0)
        {
            return [new Finding(Id, CheckResult.Warning, "it has no peers, so that nobody reaches it", "\"Peers\"", name)];
        }

        List<Finding> found = [.. tunnel.Peers.Select(p => Of(tunnel, p)), .. Addresses(tunnel)];
        var bad = found.Where(f => f.Result != CheckResult.Ok).ToList();
        var shown = bad.Count > 0 ? bad : found;
        return shown.Count <= MostNamed
            ? shown
            : [.. shown.Take(MostNamed), new Finding(Id, shown[0].Result, $"and {shown.Count - MostNamed} more like these", $"udptunnelctl peers {name}", name)];
    }

    private Finding Of(TunnelStatus tunnel, PeerStatus peer)
    {
        var name = tunnel.Config.Name;
        if (peer.State is PeerState.Connected or PeerState.Idle)
        {
            var age = peer.LastHandshake is { } last ? $", the last handshake {Math.Max(0, (time.GetUtcNow() - last).TotalSeconds):0} s ago" : "";
            var how = peer.State == PeerState.Connected ? "is connected" : "was connected and carries nothing now";
            return new Finding(Id, CheckResult.Ok, $"{peer.Name} {how}{age}", Subject: name);
        }

        var (why, remedy) = WhyNot(tunnel, peer);
        var result = peer.State == PeerState.Waiting ? CheckResult.Warning : CheckResult.Failure;
        return new Finding(Id, result, $"no handshake with {peer.Name} came about: {why}", remedy, name);
    }

    /// <summary>The likeliest reason. What a stranger's datagrams cannot be told from comes last.</summary>
    private static (string Why, string Remedy) WhyNot(TunnelStatus tunnel, PeerStatus peer)
    {
        if (Dropped(peer, DropReason.HandshakeReplayed) > 0)
        {
            return ("its handshakes are no later than one before: its clock was set back, or two hosts have its key", "timedatectl, at the other end");
        }

        if (Dropped(peer, DropReason.NotAuthentic) > 0)
        {
            return ("what came with its name was not from it: the preshared keys of both ends differ, or somebody forges", "\"PresharedKey\", the same at both ends");
        }

        if (Dropped(tunnel, DropReason.UnknownPeer) > 0)
        {
            return ("handshakes came with a key that is no peer's", "the other end's public key as its \"PublicKey\" here (wg show, at the other end)");
        }

        if (Dropped(tunnel, DropReason.WrongKey) > 0)
        {
            return ("handshakes came for another public key than this end's", $"{tunnel.PublicKey} as the public key of this end, at the other end");
        }

        if (Dropped(tunnel, DropReason.UnderLoad) > 0)
        {
            return ("so many handshakes come that their senders have to prove their addresses first", "udptunnelctl stats, and again after a while");
        }

        return peer.Endpoint.Length == 0
            ? ("nothing of it has arrived, and it has no Endpoint by which it could be called",
                $"sudo tcpdump -ni any udp port {tunnel.LocalPort}; \"Endpoint\" at one end")
            : ($"nothing comes back from {peer.Endpoint}: no packet was sent to it yet, it does not run, it has another public key for this end, or something in between drops the datagrams",
                $"ping an address of {peer.Name} in the tunnel; sudo tcpdump -ni any udp port {tunnel.LocalPort}");
    }

    /// <summary>Addresses of this end that a peer has as well, and networks inside another peer's.</summary>
    private static IEnumerable<Finding> Addresses(TunnelStatus tunnel)
    {
        var name = tunnel.Config.Name;
        var own = tunnel.Config.TunnelAddresses.Select(a => IpPrefix.Of(a.Address, a.IsV6 ? 128 : 32)).ToHashSet();
        foreach (var peer in tunnel.Config.Peers)
        {
            foreach (var network in peer.AllowedIPs.Where(own.Contains))
            {
                yield return new Finding(
                    OverlapId,
                    CheckResult.Failure,
                    $"{network.Address} is this end's own address and stands among the AllowedIPs of {peer.DisplayName}: both ends have it",
                    "another \"TunnelAddress\" at one end",
                    name);
            }
        }
    }

    private static long Dropped(PeerStatus peer, DropReason reason) => peer.Drops.Where(d => d.Reason == reason).Sum(d => d.Packets);

    private static long Dropped(TunnelStatus tunnel, DropReason reason) => tunnel.Drops.Where(d => d.Reason == reason).Sum(d => d.Packets);
}
