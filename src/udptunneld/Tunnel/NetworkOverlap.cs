using System.Globalization;
using System.Net;
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
    private const int LongestOfDefaultRoute = 7;

    private const int MostNamed = 4;

    private static readonly string[] ResolverFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

    /// <summary>What a tunnel's network has in common with others now.</summary>
    /// <param name="address">An IPv4 address of the tunnel.</param>
    /// <param name="ownLink">Number of the tunnel's own device, if it has one.</param>
    /// <param name="isOther">
    /// Whether a device is of interest: not one of another tunnel of this daemon, whose operators are the same.
    /// </param>
    /// <exception cref="LinuxException">The kernel does not say.</exception>
    public static NetworkOverlap Now(InterfaceAddress address, int? ownLink, Func<int, bool> isOther) =>
        Find(
            address,
            RouteSocket.ListAddresses().Where(a => isOther(a.Link)),
            RouteSocket.ListRoutes(),
            NameServers(),
            ownLink,
            i => LinkName.Of(i)
        );

    /// <summary>The network of an address.</summary>
    internal static Ipv4Network NetworkOf(InterfaceAddress address) =>
        Ipv4Network.Of(ToUInt32(address.Address), address.PrefixLength);

    /// <summary>Finds them. Pure.</summary>
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
        var network = NetworkOf(tunnel);
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

    /// <summary>The name servers in the text of a resolv.conf(5) that are IPv4 addresses of other hosts.</summary>
    internal static IEnumerable<uint> NameServersIn(string text) =>
        from line in text.Split('\n')
        let words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        where words is ["nameserver", _, ..]
        where
            IPAddress.TryParse(words[1], out var address)
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            && !IPAddress.IsLoopback(address)
        select ToUInt32(IPAddress.Parse(words[1]));

    private static string InWords(IReadOnlyList<string> covered) =>
        string.Join(", ", covered.Take(MostNamed))
        + (
            covered.Count > MostNamed
                ? string.Create(CultureInfo.InvariantCulture, $" and {covered.Count - MostNamed} more")
                : ""
        );

    private static List<uint> NameServers()
    {
        var servers = new List<uint>();
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

    private static string ToText(uint address) => Ipv4Network.Of(address, 32).ToString()[..^"/32".Length];
}
