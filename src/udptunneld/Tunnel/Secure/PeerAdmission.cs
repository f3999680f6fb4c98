// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>How a person lets a peer in.</summary>
/// <param name="Name">What it is called from now on; empty for nothing.</param>
/// <param name="Addresses">Its inner addresses; none for those that it uses, or else free ones.</param>
internal sealed record PeerApproval(string Name, IReadOnlyList<IPAddress> Addresses);

/// <summary>A peer, and the tunnel that it is at.</summary>
internal sealed record PeerAt(string Place, PeerStatus Status) : ISelectable
{
    /// <inheritdoc/>
    public string? Identity => Status.PublicKey;

    /// <inheritdoc/>
    public string Address => Status.Endpoint;

    /// <inheritdoc/>
    public bool IsMeantBy(string text) =>
        text.Length > 0
        && (
            Status.PublicKey.StartsWith(text, StringComparison.Ordinal)
            || Status.Name == text
            || Status.Endpoint == text
            || Status.UsedAddresses.Contains(text)
            || Status.AllowedIps.Any(network => network == text || network == $"{text}/32" || network == $"{text}/128")
        );

    /// <inheritdoc/>
    public bool IsNamedInFullBy(string text) => text == Status.PublicKey;
}

/// <summary>Makes a peer of the tunnel of somebody whom a person lets in. Pure.</summary>
internal static class PeerAdmission
{
    /// <summary>What messages call peers.</summary>
    public static readonly SelectionWords Words = new(
        "peer",
        "tunnels",
        "a key, a prefix of it, a name, or the address shown",
        "more of the key",
        "--tunnel",
        "udptunnelctl peers",
        Fault.NoSuchPeer,
        Fault.AmbiguousPeer,
        Fault.PeerNotPending
    );

    /// <summary>The peer that somebody becomes.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="key">Its key.</param>
    /// <param name="approval">What the person says.</param>
    /// <param name="used">The inner addresses that it uses.</param>
    /// <exception cref="RequestException">
    /// A name or address is taken or cannot be one, there is no free address, or there are too many peers.
    /// </exception>
    public static PeerConfig Admit(
        TunnelConfig config,
        PublicKey key,
        PeerApproval approval,
        IReadOnlyList<IPAddress> used
    )
    {
        if (config.Peers.Count >= TunnelConfig.MaxPeers)
        {
            throw new RequestException(
                Fault.LimitReached,
                $"{config.Name} has {TunnelConfig.MaxPeers} peers, which is the most"
            );
        }

        return new PeerConfig
        {
            Name = NameOf(config, approval.Name),
            PublicKey = key,
            AllowedIPs = [.. AddressesOf(config, approval.Addresses, used).Select(OfOne)],
        };
    }

    /// <summary>
    /// An inner address of a peer: one that it has for itself, else the first host of its first network, where the end
    /// is that others come to (<c>udptunnelctl new</c>). Null if it has none.
    /// </summary>
    public static IPAddress? AddressOf(PeerStatus peer)
    {
        var networks = new List<IpPrefix>();
        foreach (var text in peer.AllowedIps)
        {
            if (IpPrefix.TryParse(text, out var network, out _, out _) && !network.IsDefault)
            {
                networks.Add(network);
            }
        }

        var own = networks.FindAll(n => n.Length == (n.IsV6 ? 128 : 32));
        return own.Count > 0 ? own[0].Address
            : networks.Count > 0 ? FreeAddress.FirstOf(networks[0], [])
            : null;
    }

    private static string? NameOf(TunnelConfig config, string name)
    {
        if (name.Length == 0)
        {
            return null;
        }

        if (!ConfigurationName.TryValidate(name, out var error))
        {
            throw new RequestException(Fault.InvalidRequest, $"the name of a peer: {error}");
        }

        return config.Peers.FirstOrDefault(peer => peer.Name == name) is { } other
            ? throw new RequestException(
                Fault.NameTaken,
                $"{config.Name} has a peer {name} already, with the key {other.PublicKey}"
            )
            : name;
    }

    private static List<IPAddress> AddressesOf(
        TunnelConfig config,
        IReadOnlyList<IPAddress> asked,
        IReadOnlyList<IPAddress> used
    )
    {
        var networks = config.TunnelAddresses.Select(address => address.Network).ToList();
        var taken = TakenIn(config, networks);
        if (asked.Count > 0)
        {
            return [.. asked.Distinct().Select(address => Asked(config, address, taken))];
        }

        var own = used.Where(address => networks.Exists(n => FreeAddress.IsHostOf(n, address)) && IsFree(address))
            .ToList();
        if (own.Count > 0)
        {
            return own;
        }

        // One of each family that the tunnel has.
        var free = networks
            .DistinctBy(network => network.IsV6)
            .Select(network => FreeAddress.FirstOf(network, taken))
            .OfType<IPAddress>()
            .ToList();
        return free.Count > 0
            ? free
            : throw new RequestException(
                Fault.LimitReached,
                networks.Count == 0
                    ? $"{config.Name} has no network of its own that an address could be taken from: say --address"
                    : $"all addresses of {string.Join(" and ", networks)} are taken: say --address"
            );

        bool IsFree(IPAddress address) => !taken.Exists(t => t.Contains(OfOne(address)));
    }

    private static IPAddress Asked(TunnelConfig config, IPAddress address, List<IpPrefix> taken)
    {
        if (!InterfaceAddress.TryParseEither(address.ToString(), requiresLength: false, out _, out var error))
        {
            throw new RequestException(Fault.InvalidRequest, $"the address of a peer: {error}");
        }

        var exact = OfOne(address);
        if (!taken.Exists(t => t.Contains(exact)) && !config.Peers.Any(p => p.AllowedIPs.Contains(exact)))
        {
            return address;
        }

        var owner = config.Peers.FirstOrDefault(peer => peer.AllowedIPs.Any(network => network.Contains(exact)));
        throw new RequestException(
            Fault.AddressOverlap,
            owner is null
                ? $"{address} is this end's own address"
                : $"{address} is an address of the peer {owner.DisplayName} already"
        );
    }

    /// <summary>
    /// What is somebody's: this end's addresses, and networks of peers within those of the tunnel. A wider one, such as
    /// all addresses, leaves room for longer prefixes.
    /// </summary>
    private static List<IpPrefix> TakenIn(TunnelConfig config, List<IpPrefix> networks) =>
        [
            .. config.TunnelAddresses.Select(address => OfOne(address.Address)),
            .. config
                .Peers.SelectMany(peer => peer.AllowedIPs)
                .Where(prefix =>
                    networks.Exists(network => network.Contains(prefix) && network.Length < prefix.Length)
                ),
        ];

    private static IpPrefix OfOne(IPAddress address) =>
        IpPrefix.Of(address, address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32);
}
