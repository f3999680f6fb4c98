// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// What a tunnel means for the networks of this host: which of them it covers, and which of them its peer reaches.
/// </summary>
internal sealed class NetworkCheck : ICheck
{
    private const int MostNamed = 16;
    private const string ReachId = "peer_reach";

    /// <inheritdoc/>
    public string Id => "overlap";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) =>
        patient
            .Tunnels.Where(t => t.State is not (TunnelState.Failed or TunnelState.DeviceLost) && t.Device.Length > 0)
            .SelectMany(Of);

    /// <summary>What whoever starts a tunnel should know of its peer's reach; null if there is nothing.</summary>
    public static Diagnostic? RemarkOnReach(TunnelStatus tunnel)
    {
        try
        {
            return IsForwarding(tunnel) ? PeerReach.RemarkWhereForwarding(tunnel.Config) : null;
        }
        catch (LinuxException)
        {
            // The device is gone already, which the tunnel itself reports.
            return null;
        }
    }

    /// <summary>
    /// What whoever starts a tunnel should know of a network that it shares; null if there is nothing.
    /// </summary>
    public static Diagnostic? RemarkOnSharing(TunnelStatus tunnel)
    {
        try
        {
            var link = RouteSocket.FindLink(tunnel.Device);
            var shared = tunnel
                .Config.TunnelAddresses.Where(a => !a.IsV6)
                .Select(a => NetworkOverlap.Now(a, link, _ => true).Shared)
                .FirstOrDefault(text => text.Length > 0);
            return shared is null
                ? null
                : new Diagnostic(
                    DiagnosticSeverity.Warning,
                    0,
                    0,
                    nameof(tunnel.Config.TunnelAddress),
                    $"overlaps {shared}, which keeps its hosts: packets to the other end leave by that device "
                        + "(another TunnelAddress at both ends)"
                );
        }
        catch (LinuxException)
        {
            // The device is gone already, which the tunnel itself reports.
            return null;
        }
    }

    private static bool IsForwarding(TunnelStatus tunnel) =>
        RouteSocket.FindLink(tunnel.Device) is { } link && RouteSocket.IsForwarding(link);

    /// <summary>How far peers of a secure tunnel reach is a matter of its firewall and of the host's.</summary>
    private IEnumerable<Finding> Of(TunnelStatus tunnel) =>
        [
            .. tunnel.Config.TunnelAddresses.Select(address => Overlap(tunnel, address)),
            .. tunnel.Config.Protocol == TunnelProtocol.Classic ? [Reach(tunnel)] : PeerNetworks(tunnel),
        ];

    private Finding Overlap(TunnelStatus tunnel, InterfaceAddress address)
    {
        var name = tunnel.Config.Name;
        var network = address.Network;
        var overlap = NetworkOverlap.Now(address, RouteSocket.FindLink(tunnel.Device), _ => true);
        var covered = string.Join(", ", new[] { overlap.Covered, overlap.Shared }.Where(t => t.Length > 0));
        return covered.Length == 0
            ? new Finding(Id, CheckResult.Ok, $"{network} is the tunnel's alone", Subject: name)
            : new Finding(
                Id,
                CheckResult.Warning,
                $"the tunnel's network {network} overlaps {covered}: which of the two gets a packet depends on the routes",
                "another \"TunnelAddress\" at both ends; ip route",
                name
            );
    }

    /// <summary>
    /// Networks of a secure tunnel's peers that this host reaches otherwise as well, but for those of which the tunnel
    /// has an address itself, and those that stand for the default route.
    /// </summary>
    private IEnumerable<Finding> PeerNetworks(TunnelStatus tunnel)
    {
        // The device may be in another network namespace, whose networks cannot be asked for.
        if (RouteSocket.FindLink(tunnel.Device) is not { } link)
        {
            return [];
        }

        var own = tunnel.Config.TunnelAddresses.Select(a => a.Network).ToList();
        var others = NetworksElsewhere(link);
        var overlaps =
            from peer in tunnel.Config.Peers
            from network in peer.AllowedIPs
            where network.Length > NetworkOverlap.LongestOfDefaultRoute && !own.Exists(n => n.Contains(network))
            from other in others
            where other.Network.Contains(network) || network.Contains(other.Network)
            select (Peer: peer.DisplayName, network, other);
        return overlaps
            .Take(MostNamed)
            .Select(o => new Finding(
                Id,
                CheckResult.Warning,
                $"{o.network} of the peer {o.Peer} overlaps {o.other.Network} of {LinkName.Of(o.other.Link)}: "
                    + Winner(o.network, o.Peer, o.other.Network, o.other.Link),
                "other \"AllowedIPs\" of the peer, or another network at one end; ip route",
                tunnel.Config.Name
            ));
    }

    private static string Winner(IpPrefix network, string peer, IpPrefix other, int link) =>
        network.Length > other.Length ? $"packets to the former go to {peer}"
        : network.Length < other.Length ? $"packets to the latter go by {LinkName.Of(link)}"
        : "which of the two gets a packet depends on the routes";

    /// <summary>Networks that are reached by other devices: all of IPv4, of IPv6 those of their addresses.</summary>
    private static List<(IpPrefix Network, int Link)> NetworksElsewhere(int link)
    {
        var v4 = RouteSocket
            .ListRoutes()
            .Where(r => r.Link is { } other && other != link)
            .Select(r => (IpPrefix.Of(isV6: false, (ulong)r.Network << 32, 0, r.PrefixLength), r.Link!.Value));
        var v6 = RouteSocket
            .ListAddressesV6()
            .Where(a => a.Link != link)
            .Select(a => (IpPrefix.Of(isV6: true, (ulong)(a.Address >> 64), (ulong)a.Address, a.PrefixLength), a.Link));
        return [.. v4.Concat(v6).Where(n => n.Item1.Length > NetworkOverlap.LongestOfDefaultRoute).Distinct()];
    }

    private static Finding Reach(TunnelStatus tunnel)
    {
        var name = tunnel.Config.Name;
        if (!IsForwarding(tunnel))
        {
            return new Finding(
                ReachId,
                CheckResult.Ok,
                "the peer reaches this host alone: it forwards nothing",
                Subject: name
            );
        }

        if (PeerReach.IsLimited(tunnel.Config))
        {
            var limit =
                tunnel.Config.AllowedDestinations.Count > 0
                    ? $"only {tunnel.Config.AllowedDestinations[0]}{(tunnel.Config.AllowedDestinations.Count > 1 ? " and others of AllowedDestinations" : "")}"
                    : "this host alone: the firewall table forwards nothing";
            return new Finding(ReachId, CheckResult.Ok, $"the peer reaches {limit}", Subject: name);
        }

        return new Finding(
            ReachId,
            CheckResult.Warning,
            $"{nameof(tunnel.Config.AllowedDestinations)} {PeerReach.TextWhereForwarding(tunnel.Config)}",
            $"\"AllowedDestinations\": [\"{tunnel.Config.TunnelAddress.Address}\"], or \"Firewall\": true",
            name
        );
    }
}
