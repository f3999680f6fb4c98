using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What a tunnel's network has in common with what this host reaches otherwise. The kernel prefers the longer prefix:
/// such a tunnel takes over a LAN, a gateway or a name server, or loses its own packets to a LAN.
/// </summary>
internal static class NetworkOverlap
{
    /// <summary>
    /// A network with a shorter prefix takes most of what the default route is for: no private network is as large (RFC
    /// 1918).
    /// </summary>
    private const int LongestOfDefaultRoute = 7;

    private const int MostNamed = 4;

    private static readonly string[] ResolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    /// <summary>What a tunnel covers now, in words; empty if nothing.</summary>
    /// <param name="address">An address of the tunnel.</param>
    /// <param name="ownLink">Number of the tunnel's own device, if it has one.</param>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    /// <param name="isOther">
    /// Whether a device is of interest: not one of another tunnel of this daemon, whose operators are the same.
    /// </param>
    public static string Now(InterfaceAddress address, int? ownLink, Func<int, bool> isOther) =>
        InWords(
            address.IsV6
                ? FindV6(
                    address.Network,
                    RouteSocket.ListAddressesV6().Where(a => a.Link != ownLink && isOther(a.Link)),
                    NameServers(),
                    i => LinkName.Of(i)
                )
                : Find(
                    Ipv4Network.Of(ToUInt32(address.Address), address.PrefixLength),
                    RouteSocket.ListAddresses().Where(a => isOther(a.Link)),
                    RouteSocket.ListRoutes(),
                    NameServers().Where(s => !IsV6(s)).Select(ToUInt32),
                    ownLink,
                    i => LinkName.Of(i)
                )
        );

    /// <summary>
    /// What an IPv6 network covers. Pure. Gateways have link-local addresses, which are each link's own, and the
    /// default route is left alone by every network that somebody gives a device.
    /// </summary>
    /// <param name="network">The tunnel's.</param>
    /// <param name="addresses">Those of all other devices.</param>
    /// <param name="nameServers">Of both families.</param>
    /// <param name="nameOf">The name of a device.</param>
    internal static IReadOnlyList<string> FindV6(
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
        return [.. networks.Concat(servers).Distinct()];
    }

    /// <summary>What an IPv4 network covers. Pure.</summary>
    /// <param name="network">The tunnel's.</param>
    /// <param name="addresses">Those of all devices.</param>
    /// <param name="routes">All routes.</param>
    /// <param name="nameServers">Addresses in host order.</param>
    /// <param name="ownLink">Number of the tunnel's own device, if it has one.</param>
    /// <param name="nameOf">The name of a device.</param>
    internal static IReadOnlyList<string> Find(
        Ipv4Network network,
        IEnumerable<LinkAddress> addresses,
        IReadOnlyList<Route> routes,
        IEnumerable<uint> nameServers,
        int? ownLink,
        Func<int, string> nameOf
    )
    {
        var others = routes.Where(r => ownLink is null || r.Link != ownLink).ToList();
        var networks = addresses
            .Where(a => a.Link != ownLink)
            .Select(a => (Network: Ipv4Network.Of(a.Address, a.PrefixLength), a.Link))
            .Where(n => n.Network.Overlaps(network))
            .Select(n => $"the network {n.Network} of {nameOf(n.Link)}");
        var defaults =
            network.PrefixLength <= LongestOfDefaultRoute
                ? others
                    .Where(r => r.PrefixLength == 0)
                    .Select(r => r.Link is { } link ? $"the default route through {nameOf(link)}" : "the default route")
                : [];
        var gateways = others
            .Select(r => r.Gateway)
            .OfType<uint>()
            .Where(network.Contains)
            .Select(g => $"the gateway {ToText(g)}");
        var servers = nameServers.Where(network.Contains).Select(s => $"the name server {ToText(s)}");
        return [.. defaults.Concat(networks).Concat(gateways).Concat(servers).Distinct()];
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
