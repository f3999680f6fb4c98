// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>
/// A peer as it is read, from either kind of text, with the places of what is compared with other peers'.
/// </summary>
/// <param name="prefix">
/// What messages put before the names of its fields, for example <c>Peers[0].</c>; may be empty.
/// </param>
/// <param name="offset">Where it begins in the text.</param>
internal sealed class PeerDraft(string prefix, int offset)
{
    private readonly HashSet<IpPrefix> _own = [];

    /// <summary>Where it begins in the text.</summary>
    public int Offset => offset;

    /// <summary>See <see cref="PeerConfig.Name"/>.</summary>
    public string? Name { get; set; }

    /// <summary>Where the name stands.</summary>
    public int NameOffset { get; set; }

    /// <summary>See <see cref="PeerConfig.PublicKey"/>; null if it is missing or wrong.</summary>
    public PublicKey? PublicKey { get; private set; }

    /// <summary>Where the public key stands.</summary>
    public int KeyOffset { get; private set; }

    /// <summary>See <see cref="PeerConfig.PresharedKey"/>.</summary>
    public SecretKey? PresharedKey { get; private set; }

    /// <summary>See <see cref="PeerConfig.Endpoint"/>.</summary>
    public HostPort? Endpoint { get; private set; }

    /// <summary>See <see cref="PeerConfig.PersistentKeepalive"/>, in seconds.</summary>
    public int PersistentKeepalive { get; set; }

    /// <summary>See <see cref="PeerConfig.AllowedPorts"/>.</summary>
    public PortSet? AllowedPorts { get; set; }

    /// <summary>See <see cref="PeerConfig.AllowedIPs"/>, with the place and the number of each in its list.</summary>
    public List<(IpPrefix Network, int Offset, int Item)> Networks { get; } = [];

    /// <summary>What messages call one of its fields.</summary>
    public string Path(Field field) => prefix + field.Name;

    /// <summary>What messages call one of its networks.</summary>
    public string NetworkPath(int item) => $"{Path(KnownFields.AllowedIPs)}[{item}]";

    public void ReadPublicKey(in FieldReader reader, int at, string text)
    {
        KeyOffset = at;
        if (Config.PublicKey.TryParse(text, out var key, out var error))
        {
            PublicKey = key;
        }
        else
        {
            reader.Error(at, Path(KnownFields.PublicKey), error);
        }
    }

    public void ReadPresharedKey(in FieldReader reader, int at, string text)
    {
        if (SecretKey.TryParse(text, out var key, out var error))
        {
            PresharedKey = key;
        }
        else
        {
            reader.Error(at, Path(KnownFields.PresharedKey), error);
        }
    }

    public void ReadEndpoint(in FieldReader reader, int at, string text)
    {
        if (!HostPort.TryParse(text, out var endpoint, out var error))
        {
            reader.Error(at, Path(KnownFields.Endpoint), error);
        }
        else if (endpoint.Kind == HostKind.None || endpoint.IsUnspecified)
        {
            reader.Error(
                at,
                Path(KnownFields.Endpoint),
                $"{Excerpt.Quote(text)} has no host to send to (such as \"vpn.example.com:{endpoint.Port}\")"
            );
        }
        else
        {
            Endpoint = endpoint;
        }
    }

    /// <summary>Reads one of its networks.</summary>
    /// <param name="reader">Where remarks go.</param>
    /// <param name="at">Where it stands.</param>
    /// <param name="item">Its number in the list.</param>
    /// <param name="text">The network.</param>
    /// <param name="maskHostBits">
    /// Whether host bits are remarked upon and cleared, as <c>wg</c> clears them; else they are a mistake.
    /// </param>
    public void ReadNetwork(in FieldReader reader, int at, int item, string text, bool maskHostBits)
    {
        var valid = IpPrefix.TryParse(text, out var network, out var hasHostBits, out var error);
        if (!valid && !(hasHostBits && maskHostBits))
        {
            reader.Error(at, NetworkPath(item), error!);
            return;
        }

        if (!valid)
        {
            reader.Warn(at, NetworkPath(item), error!);
        }

        if (_own.Add(network))
        {
            Networks.Add((network, at, item));
        }
        else
        {
            reader.Warn(at, NetworkPath(item), $"{network} is in the list already");
        }
    }

    /// <summary>The peer; only if there is no mistake in it.</summary>
    public PeerConfig ToConfiguration() =>
        new()
        {
            Name = Name,
            PublicKey = PublicKey!.Value,
            PresharedKey = PresharedKey,
            AllowedIPs = [.. Networks.Select(n => n.Network)],
            Endpoint = Endpoint,
            PersistentKeepalive = TimeSpan.FromSeconds(PersistentKeepalive),
            AllowedPorts = AllowedPorts,
        };
}
