// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>All peers of a text, from either kind of text, and the mistakes that only show between them.</summary>
internal sealed class PeerList
{
    /// <summary>About a private key that is none of <c>wg genkey</c>'s. It cannot be told for certain.</summary>
    public const string LooksPublic =
        "has bits that `wg genkey` never sets: is it a public key? "
        + "(here stands the secret one, that `wg genkey` prints)";

    private readonly List<PeerDraft> _peers = [];
    private int _networks;

    /// <summary>How many there are.</summary>
    public int Count => _peers.Count;

    /// <summary>Where the private key stands.</summary>
    public int PrivateKeyOffset { get; set; }

    /// <summary>Whether one of them says where it is.</summary>
    public bool HasEndpoint => _peers.Any(p => p.Endpoint is not null);

    /// <summary>Whether one of them has a network of IPv6.</summary>
    public bool HasV6 => _peers.Any(p => p.Networks.Any(n => n.Network.IsV6));

    /// <summary>Takes a peer that has been read.</summary>
    public void Add(in FieldReader reader, PeerDraft peer)
    {
        _peers.Add(peer);
        _networks += peer.Networks.Count;
        if (peer.Networks.Count == 0)
        {
            reader.Warn(
                peer.Offset,
                peer.Path(KnownFields.AllowedIPs),
                "is empty: nothing is sent to this peer or taken from it (such as [\"10.99.0.2/32\"])"
            );
        }
    }

    /// <summary>The configurations; only if there is no mistake.</summary>
    public ValueList<PeerConfig> ToConfigurations() => [.. _peers.Select(p => p.ToConfiguration())];

    /// <summary>Remarks upon what peers have in common with each other or with this end.</summary>
    /// <param name="reader">Where remarks go.</param>
    /// <param name="privateKey">This end's key, if the text has one.</param>
    /// <param name="publicKeyOf">Computes a public key; null where that cannot be done.</param>
    public void Check(in FieldReader reader, SecretKey? privateKey, Func<SecretKey, PublicKey>? publicKeyOf)
    {
        CheckNames(reader);
        CheckKeys(reader);
        CheckOwnKey(reader, privateKey, publicKeyOf);
        if (_networks > TunnelConfig.MaxAllowedIPs)
        {
            reader.Error(
                _peers[^1].Offset,
                _peers[^1].Path(KnownFields.AllowedIPs),
                $"all peers together have {_networks} networks (at most {TunnelConfig.MaxAllowedIPs} are allowed)"
            );
        }
        else
        {
            CheckNetworks(reader);
        }
    }

    private static string Place(in FieldReader reader, int offset)
    {
        var (line, column) = reader.Position(offset);
        return $"{line}:{column}";
    }

    private void CheckNames(in FieldReader reader)
    {
        var first = new Dictionary<string, PeerDraft>(StringComparer.Ordinal);
        foreach (var peer in _peers)
        {
            if (peer.Name is null || first.TryAdd(peer.Name, peer) || !reader.HasRoomForErrors)
            {
                continue;
            }

            reader.Error(
                peer.NameOffset,
                peer.Path(KnownFields.Name),
                $"is the name of the peer at {Place(reader, first[peer.Name].Offset)} already (each has its own)"
            );
        }
    }

    private void CheckKeys(in FieldReader reader)
    {
        var first = new Dictionary<PublicKey, PeerDraft>();
        foreach (var peer in _peers)
        {
            if (peer.PublicKey is not { } key || first.TryAdd(key, peer) || !reader.HasRoomForErrors)
            {
                continue;
            }

            reader.Error(
                peer.KeyOffset,
                peer.Path(KnownFields.PublicKey),
                $"is the key of the peer at {Place(reader, first[key].Offset)} already "
                    + "(each has its own; networks of one peer stand in one list)"
            );
        }
    }

    private void CheckOwnKey(in FieldReader reader, SecretKey? privateKey, Func<SecretKey, PublicKey>? publicKeyOf)
    {
        if (privateKey is null)
        {
            return;
        }

        var asPublic = new PublicKey(privateKey.Bytes);
        var own = publicKeyOf?.Invoke(privateKey);
        foreach (var peer in _peers)
        {
            if (peer.PublicKey == asPublic)
            {
                reader.Error(
                    PrivateKeyOffset,
                    KnownFields.PrivateKey.Name,
                    $"is also the public key of the peer at {Place(reader, peer.Offset)} "
                        + "(a private key is this end's, and nobody else has it)"
                );
            }
            else if (own is not null && peer.PublicKey == own)
            {
                reader.Error(
                    peer.KeyOffset,
                    peer.Path(KnownFields.PublicKey),
                    "is this end's own public key (here stands the key of the other end)"
                );
            }
        }
    }

    private void CheckNetworks(in FieldReader reader)
    {
        var networks = _peers.SelectMany(p => p.Networks, (peer, n) => (n.Network, n.Offset, n.Item, Peer: peer));
        foreach (var (inner, outer) in NestedNetworks.Find(networks.OrderBy(n => n.Offset), n => n.Network))
        {
            if (outer.Peer != inner.Peer)
            {
                Remark(reader, inner.Peer, (inner.Network, inner.Offset, inner.Item), (outer.Network, outer.Peer));
            }
        }
    }

    private static void Remark(
        in FieldReader reader,
        PeerDraft peer,
        (IpPrefix Network, int Offset, int Item) inner,
        (IpPrefix Network, PeerDraft Peer) outer
    )
    {
        if (inner.Network == outer.Network)
        {
            var place = reader.HasRoomForErrors ? Place(reader, outer.Peer.Offset) : "";
            reader.Error(
                inner.Offset,
                peer.NetworkPath(inner.Item),
                $"{inner.Network} belongs to the peer at {place} already "
                    + "(a network has one peer that its packets go to)"
            );
        }
        else if (!outer.Network.IsDefault)
        {
            var place = reader.HasRoomForWarnings ? Place(reader, outer.Peer.Offset) : "";
            reader.Warn(
                inner.Offset,
                peer.NetworkPath(inner.Item),
                $"{inner.Network} is inside {outer.Network} of the peer at {place}: "
                    + "its packets go to this peer, as the longer prefix counts"
            );
        }
    }
}
