// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>Whether packets to the networks of a secure tunnel's peers go to its device.</summary>
internal sealed class RouteCheck : ICheck
{
    // Each is a question to the kernel.
    private const int MostAsked = 256;
    private const int MostNamed = 8;

    // Addresses that nobody has (RFC 5737, RFC 3849), so that they have the default route.
    private static readonly IPAddress AnyV4 = IPAddress.Parse("203.0.113.113");
    private static readonly IPAddress AnyV6 = IPAddress.Parse("2001:db8:113::113");

    /// <inheritdoc/>
    public string Id => "routes";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) =>
        patient.Tunnels.Where(t => t.Config.Protocol == TunnelProtocol.WireGuard && t.Device.Length > 0).SelectMany(Of);

    private IEnumerable<Finding> Of(TunnelStatus tunnel)
    {
        // It may be in another network namespace, whose routes cannot be asked for.
        if (RouteSocket.FindLink(tunnel.Device) is not { } link)
        {
            yield break;
        }

        var networks = tunnel
            .Config.Peers.SelectMany(peer => peer.AllowedIPs, (peer, network) => (peer.DisplayName, network))
            .Take(MostAsked)
            .ToList();
        var missing = 0;
        foreach (var (peer, network) in networks)
        {
            var route = RouteSocket.FindRoute(AddressIn(network));
            if (route is { IsLocal: true } || route?.Link == link)
            {
                continue;
            }

            if (++missing <= MostNamed)
            {
                var way = route is null ? "has no route" : $"has a route by {LinkName.Of(route.Link)}";
                yield return new Finding(
                    Id,
                    CheckResult.Warning,
                    $"{network} of the peer {peer} {way}, not by the tunnel's device {tunnel.Device}",
                    $"sudo ip{(network.IsV6 ? " -6" : "")} route add {network} dev {tunnel.Device}",
                    tunnel.Config.Name
                );
            }
        }

        if (missing == 0 && networks.Count > 0)
        {
            yield return new Finding(
                Id,
                CheckResult.Ok,
                $"packets to the peers' networks go to {tunnel.Device}",
                Subject: tunnel.Config.Name
            );
        }
    }

    /// <summary>An address in a network: behind its first one, which may mean the network itself.</summary>
    private static IPAddress AddressIn(IpPrefix network)
    {
        if (network.IsDefault)
        {
            return network.IsV6 ? AnyV6 : AnyV4;
        }

        var bytes = network.Address.GetAddressBytes();
        if (network.Length < (bytes.Length * 8) - 1)
        {
            bytes[^1]++;
        }

        return new IPAddress(bytes);
    }
}
