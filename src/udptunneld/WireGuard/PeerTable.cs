// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Packets;

namespace UdpTunnel.WireGuard;

/// <summary>The peers of a tunnel, by key and by the inner addresses that are theirs (cryptokey routing).</summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed unsafe class PeerTable
{
    private const int MinIpv4 = 20;
    private const int MinIpv6 = 40;

    private readonly Dictionary<PublicKey, Peer> _byKey = [];
    private readonly AllowedIps<Peer> _allowedIps = new();

    /// <summary>All of them, in no order.</summary>
    public Dictionary<PublicKey, Peer>.ValueCollection All => _byKey.Values;

    /// <summary>How many there are.</summary>
    public int Count => _byKey.Count;

    /// <summary>The peer with a key.</summary>
    public Peer? Find(PublicKey key) => _byKey.GetValueOrDefault(key);

    /// <summary>Enters a peer whose key nobody has.</summary>
    public void Add(Peer peer) => _byKey.Add(peer.Key, peer);

    /// <summary>Takes a peer and its networks out.</summary>
    public void Remove(Peer peer)
    {
        SetAllowedIps(peer, []);
        _byKey.Remove(peer.Key);
    }

    /// <summary>Gives a network to a peer, also if it was another's.</summary>
    public void AddAllowedIp(Peer peer, IpPrefix prefix)
    {
        _allowedIps.Set(prefix, peer)?.OwnPrefixes.Remove(prefix);
        peer.OwnPrefixes.Add(prefix);
    }

    /// <summary>Takes a network away from a peer.</summary>
    /// <returns>Whether it was the peer's.</returns>
    public bool RemoveAllowedIp(Peer peer, IpPrefix prefix) =>
        peer.OwnPrefixes.Remove(prefix) && _allowedIps.Remove(prefix, peer);

    /// <summary>
    /// Gives a peer exactly these networks. Those that stay its own are not without an owner in between.
    /// </summary>
    public void SetAllowedIps(Peer peer, IReadOnlyCollection<IpPrefix> prefixes)
    {
        var wanted = prefixes.ToHashSet();
        foreach (var prefix in peer.OwnPrefixes.Where(prefix => !wanted.Contains(prefix)).ToList())
        {
            RemoveAllowedIp(peer, prefix);
        }

        foreach (var prefix in prefixes)
        {
            AddAllowedIp(peer, prefix);
        }
    }

    /// <summary>The peer that an inner packet goes to.</summary>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="drop">
    /// <see cref="WireGuardDrop.Malformed"/> or <see cref="WireGuardDrop.NoRoute"/> if there is none.
    /// </param>
    public Peer? FindDestination(byte* packet, int length, out WireGuardDrop drop)
    {
        Peer? peer = null;
        drop = WireGuardDrop.Malformed;
        if (length >= MinIpv4 && packet[0] >> 4 == 4)
        {
            peer = _allowedIps.FindV4(NetworkOrder.ReadUInt32(packet + 16));
            drop = WireGuardDrop.NoRoute;
        }
        else if (length >= MinIpv6 && packet[0] >> 4 == 6)
        {
            peer = _allowedIps.FindV6(ReadHalf(packet + 24), ReadHalf(packet + 32));
            drop = WireGuardDrop.NoRoute;
        }

        drop = peer != null ? WireGuardDrop.None : drop;
        return peer;
    }

    /// <summary>
    /// Whether a packet that came from a peer is one, and has an address of the peer's as its source.
    /// </summary>
    /// <param name="peer">Who sealed it.</param>
    /// <param name="packet">First byte of its IP header.</param>
    /// <param name="length">With padding; then without.</param>
    public WireGuardDrop CheckSource(Peer peer, byte* packet, ref int length)
    {
        int total;
        Peer? owner;
        if (length >= MinIpv4 && packet[0] >> 4 == 4)
        {
            total = NetworkOrder.ReadUInt16(packet + 2);
            if (total < MinIpv4)
            {
                return WireGuardDrop.Malformed;
            }

            owner = _allowedIps.FindV4(NetworkOrder.ReadUInt32(packet + 12));
        }
        else if (length >= MinIpv6 && packet[0] >> 4 == 6)
        {
            total = MinIpv6 + NetworkOrder.ReadUInt16(packet + 4);
            owner = _allowedIps.FindV6(ReadHalf(packet + 8), ReadHalf(packet + 16));
        }
        else
        {
            return WireGuardDrop.Malformed;
        }

        if (total > length)
        {
            return WireGuardDrop.Malformed;
        }

        length = total;
        return ReferenceEquals(owner, peer) ? WireGuardDrop.None : WireGuardDrop.WrongSource;
    }

    private static ulong ReadHalf(byte* address) =>
        ((ulong)NetworkOrder.ReadUInt32(address) << 32) | NetworkOrder.ReadUInt32(address + sizeof(uint));
}
