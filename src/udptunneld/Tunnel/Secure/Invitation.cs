// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>All that a peer needs that was made for somebody who is to come.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="PrivateKey">Its key, which nobody keeps here.</param>
/// <param name="Endpoint">Where it finds this end.</param>
/// <param name="IsPrivate">Whether that was found here, and is an address of a private network.</param>
/// <param name="Config">The tunnel.</param>
/// <param name="PublicKey">This end's.</param>
internal sealed record Invitation(
    PeerAt Peer,
    SecretKey PrivateKey,
    HostPort Endpoint,
    bool IsPrivate,
    TunnelConfig Config,
    PublicKey PublicKey
)
{
    /// <summary>The peer's addresses, each with the length of the tunnel's network that it is in.</summary>
    public IEnumerable<string> Addresses =>
        Peer.Status.AllowedIps.Select(text =>
        {
            _ = IpPrefix.TryParse(text, out var own, out _, out _);
            var network = Config.TunnelAddresses.Select(a => a.Network).FirstOrDefault(n => n.Contains(own));
            return $"{own.Address}/{(network.Length > 0 ? network.Length : own.Length)}";
        });
}

/// <summary>Where others find a tunnel's end.</summary>
internal static class OwnEndpoint
{
    // Documentation addresses (RFC 5737, RFC 3849) stand for hosts far away: nothing is sent to them.
    private static readonly IPAddress[] FarAway = [IPAddress.Parse("198.51.100.1"), IPAddress.Parse("2001:db8::1")];

    /// <summary>What somebody said, with the tunnel's port; else an address of this host.</summary>
    /// <param name="text">A host, or host:port; empty for nothing.</param>
    /// <param name="tunnel">The tunnel, which runs.</param>
    /// <returns>The endpoint, and whether it was found here and is an address of a private network.</returns>
    /// <exception cref="RequestException">It is no endpoint, or none is found.</exception>
    public static (HostPort Endpoint, bool IsPrivate) Of(string text, TunnelStatus tunnel)
    {
        if (text.Length > 0)
        {
            return HostPort.TryParse(text, out var full, out _) && full.Kind != HostKind.None ? (full, false)
                : HostPort.TryParse(WithPort(text, tunnel.LocalPort), out var own, out var error) ? (own, false)
                : throw new RequestException(Fault.InvalidRequest, $"the endpoint: {error}");
        }

        var address = Find(tunnel)
            ?? throw new RequestException(
                Fault.InvalidRequest,
                "this host has no address that others could reach: say --endpoint"
            );
        _ = HostPort.TryParse(WithPort(address.ToString(), tunnel.LocalPort), out var found, out _);
        return (found!, IsPrivate(address));
    }

    private static string WithPort(string host, int port) =>
        host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[') ? $"[{host}]:{port}" : $"{host}:{port}";

    /// <summary>The address by which this host reaches others; without a default route, any of a device's.</summary>
    private static IPAddress? Find(TunnelStatus tunnel)
    {
        var own = tunnel.Config.TunnelAddresses.Select(a => a.Address).ToHashSet();
        foreach (var far in FarAway)
        {
            try
            {
                if (RouteSocket.FindRoute(far) is { IsLocal: false, Source: { } source } && !own.Contains(source))
                {
                    return source;
                }
            }
            catch (LinuxException)
            {
                // There is no route.
            }
        }

        return RouteSocket
            .ListAddresses()
            .Select(a => ToAddress(a.Address))
            .FirstOrDefault(address => !IPAddress.IsLoopback(address) && !own.Contains(address));
    }

    private static IPAddress ToAddress(uint address) =>
        new([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);

    /// <summary>RFC 1918, RFC 6598, RFC 3927; RFC 4193 and link-local addresses of IPv6.</summary>
    private static bool IsPrivate(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? (bytes[0] & 0xFE) == 0xFC || address.IsIPv6LinkLocal
            : bytes switch
            {
                [10, ..] or [192, 168, ..] or [169, 254, ..] => true,
                [172, var second, ..] => second is >= 16 and < 32,
                [100, var second, ..] => second is >= 64 and < 128,
                _ => false,
            };
    }
}
