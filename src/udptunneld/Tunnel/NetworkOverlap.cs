// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What a tunnel's network has in common with what this host reaches otherwise, in words.
/// </summary>
/// <param name="Covered">
/// What the tunnel would take over, or lose its own packets to; empty if nothing. The kernel prefers the longer prefix.
/// </param>
/// <param name="Shared">
/// Networks of other devices that are exactly the tunnel's; empty if none is. They keep their hosts: the tunnel's route
/// to it is one of last resort.
/// </param>
internal sealed record NetworkOverlap(string Covered, string Shared)
{
    /// <summary>
    /// A network with a shorter prefix takes most of what the default route is for: no private network is as large (RFC
    /// 1918).
    /// </summary>
    internal const int LongestOfDefaultRoute = 7;

    private const int MostNamed = 4;

    private static readonly string[] ResolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    /// <summary>Nothing in common.</summary>
    public static NetworkOverlap None { get; } = new("", "");

    /// <summary>What a tunnel's network has in common with others now.</summary>
    /// <param name="address">An address of the tunnel.</param>
    /// <param name="ownLink">Number of the tunnel's own device, if it has one.</param>
    /// <param name="isOther">
    /// Whether a device is of interest: not one of another tunnel of this daemon, whose operators are the same.
    /// </param>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    public static NetworkOverlap Now(InterfaceAddress address, int? ownLink, Func<int, bool> isOther) =>
        address.IsV6
            ? FindV6(
                address.Network,
                RouteSocket.ListAddressesV6().Where(a => a.Link != ownLink && isOther(a.Link)),
                NameServers(),
                i => LinkName.Of(i)
            )
            : Find(
                address,
                RouteSocket.ListAddresses().Where(a => isOther(a.Link)),
                RouteSocket.ListRoutes(),
                NameServers().Where(s => !IsV6(s)).Select(ToUInt32),
                ownLink,
                i => LinkName.Of(i)
            );

    /// <summary>
    /// What an IPv6 network covers. Pure. Gateways have link-local addresses, which are each link's own, and the
    /// default route is left alone by every network that somebody gives a device.
    /// </summary>
    /// <param name="network">The tunnel's.</param>
    /// <param name="addresses">Those of all other devices.</param>
    /// <param name="nameServers">Of both families.</param>
    /// <param name="nameOf">The name of a device.</param>
    internal static NetworkOverlap FindV6(
        IpPrefix network,
        IEnumerable<LinkAddressV6> addresses,
        IEnumerable<IPAddress> nameServers,
        Func<int, string> nameOf
    )
    {
        var networks = addresses
            .Select(a => (Address: ToAddress(a.Address), a.PrefixLength, a.Link))
            .Where(a => !a.Address.IsIPv6LinkLocal)
            .Select(a => (Network: IpPrefix.Of(a.Address, a.PrefixLength), a.Link))
            .Where(n => n.Network.Contains(network) || network.Contains(n.Network))
            .Select(n => $"the network {n.Network} of {nameOf(n.Link)}");
        var servers = nameServers
            .Where(s => IsV6(s) && network.Contains(IpPrefix.Of(s, 128)))
            .Select(s => $"the name server {s}");
        return new NetworkOverlap(InWords([.. networks.Concat(servers).Distinct()]), "");
    }

    /// <summary>What an IPv4 network has in common with others. Pure.</summary>
    /// <param name="tunnel">Address of the tunnel, with its network.</param>
    /// <param name="addresses">Those of all devices.</param>
    /// <param name="routes">All routes.</param>
    /// <param name="nameServers">Addresses in host order.</param>
    /// <param name="ownLink">Number of the tunnel's own device, if it has one.</param>
    /// <param name="nameOf">The name of a device.</param>
    internal static NetworkOverlap Find(
        InterfaceAddress tunnel,
        IEnumerable<LinkAddress> addresses,
        IReadOnlyList<Route> routes,
        IEnumerable<uint> nameServers,
        int? ownLink,
        Func<int, string> nameOf
    )
    {
        var network = Ipv4Network.Of(ToUInt32(tunnel.Address), tunnel.PrefixLength);
        var own = ToUInt32(tunnel.Address);
        var others = routes.Where(r => ownLink is null || r.Link != ownLink).ToList();
        var devices = addresses
            .Where(a => a.Link != ownLink)
            .Select(a => (Network: Ipv4Network.Of(a.Address, a.PrefixLength), a.Address, a.Link))
            .Where(d => d.Network.Overlaps(network))
            .ToList();
        var shared = devices
            .Where(d => d.Network == network)
            .Select(d => $"the network {d.Network} of {nameOf(d.Link)}");
        var taken = devices
            .Where(d => d.Address == own)
            .Select(d => $"{tunnel.Address}, an address that this host has already on {nameOf(d.Link)}");
        var networks = devices
            .Where(d => d.Network != network)
            .Select(d => $"the network {d.Network} of {nameOf(d.Link)}");
        var defaults =
            network.PrefixLength <= LongestOfDefaultRoute
                ? others
                    .Where(r => r.PrefixLength == 0)
                    .Select(r => r.Link is { } link ? $"the default route through {nameOf(link)}" : "the default route")
                : [];

        // Hosts of a network that the tunnel shares are reached as before.
        var isShared = devices.Any(d => d.Network == network);
        bool IsCovered(uint host) => isShared ? host == own : network.Contains(host);
        var gateways = others
            .Select(r => r.Gateway)
            .OfType<uint>()
            .Where(IsCovered)
            .Select(g => $"the gateway {ToText(g)}");
        var servers = nameServers.Where(IsCovered).Select(s => $"the name server {ToText(s)}");
        return new NetworkOverlap(
            InWords([.. defaults.Concat(taken).Concat(networks).Concat(gateways).Concat(servers).Distinct()]),
            InWords([.. shared.Distinct()])
        );
    }

    /// <summary>The name servers in the text of a resolv.conf(5) that are other hosts.</summary>
    internal static IEnumerable<IPAddress> NameServersIn(string text) =>
        from line in text.Split('\n')
        let words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        where words is ["nameserver", _, ..]
        where IPAddress.TryParse(words[1], out var address) && !IPAddress.IsLoopback(address)
        select IPAddress.Parse(words[1]);

    private static string InWords(IReadOnlyList<string> covered) =>
        string.Join(", ", covered.Take(MostNamed))
        + (
            covered.Count > MostNamed
                ? string.Create(CultureInfo.InvariantCulture, $" and {covered.Count - MostNamed} more")
                : ""
        );

    private static List<IPAddress> NameServers()
    {
        var servers = new List<IPAddress>();
        foreach (var file in ResolverFiles)
        {
            try
            {
                servers.AddRange(NameServersIn(File.ReadAllText(file)));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A host without name servers, or without this way to name them.
            }
        }

        return servers;
    }

    private static uint ToUInt32(IPAddress address) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private static bool IsV6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    private static IPAddress ToAddress(UInt128 address)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        return new IPAddress(bytes);
    }

    private static string ToText(uint address) => Ipv4Network.Of(address, 32).ToString()[..^"/32".Length];
}
