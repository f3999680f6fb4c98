// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Fields;

namespace UdpTunnel.Config.WgQuick;

/// <summary>
/// Reads a wg-quick file, as wg-quick(8) and wg(8) describe it. Host bits of <c>AllowedIPs</c> are cleared and the last
/// of two equal keys counts, as there, but with a warning. What would run a command is refused.
/// </summary>
internal ref struct WgQuickFields
{
    private const string Interface = "Interface";
    private const string Peer = "Peer";

    private static readonly string[] InterfaceKeys =
    [
        "PrivateKey",
        "Address",
        "ListenPort",
        "MTU",
        "Table",
        "FwMark",
        "DNS",
        "AllowedPorts",
        "PreUp",
        "PostUp",
        "PreDown",
        "PostDown",
        "SaveConfig",
    ];

    private static readonly string[] PeerKeys =
    [
        "PublicKey",
        "PresharedKey",
        "AllowedIPs",
        "Endpoint",
        "PersistentKeepalive",
        "AllowedPorts",
    ];

    private static readonly string[] Repeatable =
    [
        "Address",
        "AllowedIPs",
        "DNS",
        "PreUp",
        "PostUp",
        "PreDown",
        "PostDown",
    ];

    private readonly FieldReader _reader;
    private readonly string? _name;
    private readonly PeerList _peers = new();
    private readonly List<InterfaceAddress> _addresses = [];
    private readonly HashSet<string> _given = [];
    private Piece? _section;
    private PeerDraft? _peer;
    private bool _hasInterface;
    private int _peerCount;
    private int _peerNetworks;
    private SecretKey? _privateKey;
    private HostPort _port = HostPort.AnyPort;
    private PortSet? _allowedPorts;
    private int _mtu = TunnelConfig.AutoMtu;
    private int _mtuOffset;
    private RouteMode _routes;
    private uint? _table;
    private uint _mark;

    /// <param name="reader">Where remarks go.</param>
    /// <param name="name">The tunnel's name, which is also its device's, as wg-quick has it.</param>
    public WgQuickFields(FieldReader reader, string? name)
    {
        _reader = reader;
        _name = name;
    }

    private readonly string Device => _name is not null && DeviceName.TryValidate(_name, out _) ? _name : "DEVICE";

    /// <summary>Reads all lines.</summary>
    public void Read(ReadOnlySpan<byte> text, Func<SecretKey, PublicKey>? publicKeyOf)
    {
        foreach (var line in WgQuickLine.ReadAll(text))
        {
            if (line.Lookalike is { } lookalike)
            {
                // Not a word of the line but this: it may be a private key.
                _reader.Error(lookalike.Offset, "", $"{lookalike.Text} stands here; the format has only ASCII's");
            }
            else if (line.Section is { } section)
            {
                Begin(section);
            }
            else if (line.Value is not { } value)
            {
                // Not shown: it may be a private key behind a forgotten '='.
                _reader.Error(line.Key.Offset, "", "\"Key = Value\" is expected, or a section such as [Peer]");
            }
            else
            {
                ReadKey(line.Key, value);
            }
        }

        EndPeer();
        _peers.Check(_reader, _privateKey, publicKeyOf);
        CheckTogether();
    }

    /// <summary>The configuration; only if the text has no error.</summary>
    public readonly TunnelConfig ToConfiguration(string name) =>
        new()
        {
            Name = name,
            Protocol = TunnelProtocol.WireGuard,
            TunnelAddresses = [.. _addresses],
            NetworkAddress = _port,
            AllowedPorts = _allowedPorts ?? PortSet.All,
            TunnelDevice = DeviceName.TryValidate(name, out _) ? name : null,
            Mtu = _mtu,
            PrivateKey = _privateKey,
            Peers = _peers.ToConfigurations(),
            Routes = _routes,
            RouteTable = _table,
            FirewallMark = _mark,
        };

    private readonly bool HasV6 => _peers.HasV6 || _addresses.Any(address => address.IsV6);

    private void Begin(Piece section)
    {
        EndPeer();
        _section = section;
        _given.Clear();
        if (Is(section.Text, Peer))
        {
            if (++_peerCount <= TunnelConfig.MaxPeers)
            {
                _peer = new PeerDraft("", section.Offset);
                _peerNetworks = 0;
            }
            else if (_peerCount == TunnelConfig.MaxPeers + 1)
            {
                _reader.Error(section.Offset, Peer, $"more peers than are allowed ({TunnelConfig.MaxPeers})");
            }
        }
        else if (Is(section.Text, Interface))
        {
            _hasInterface = true;
        }
        else
        {
            var found = Excerpt.Bare(section.Text);
            _reader.Error(section.Offset, "", $"[{found}] is no section ([Interface] and [Peer] are)");
        }
    }

    private void EndPeer()
    {
        if (_peer is not { } peer)
        {
            return;
        }

        if (!_given.Contains(KnownFields.PublicKey.Name))
        {
            _reader.Error(
                peer.Offset,
                KnownFields.PublicKey.Name,
                "is missing (the peer's key, as `wg pubkey` prints it)"
            );
        }

        _peers.Add(_reader, peer);
        _peer = null;
    }

    private void ReadKey(Piece key, Piece value)
    {
        if (_section is not { } section)
        {
            _reader.Error(key.Offset, Excerpt.Bare(key.Text), "stands before any section ([Interface] or [Peer])");
            return;
        }

        var isPeer = Is(section.Text, Peer);
        if (!isPeer && !Is(section.Text, Interface))
        {
            // The section is the mistake.
            return;
        }

        var keys = isPeer ? PeerKeys : InterfaceKeys;
        if (Array.Find(keys, k => Is(key.Text, k)) is not { } known)
        {
            var why = _reader.HasRoomForErrors ? WhyUnknown(key.Text, isPeer) : "";
            _reader.Error(key.Offset, Excerpt.Bare(key.Text), why);
            return;
        }

        if (!_given.Add(known) && !Array.Exists(Repeatable, k => k == known))
        {
            _reader.Warn(key.Offset, known, "is given twice; the last one counts");
        }

        if (!isPeer)
        {
            ReadInterfaceKey(known, value);
        }
        else if (_peer is { } peer)
        {
            ReadPeerKey(peer, known, value);
        }
    }

    private void ReadInterfaceKey(string key, Piece value)
    {
        switch (key)
        {
            case "PrivateKey":
                ReadPrivateKey(value);
                break;
            case "Address":
                ReadAddresses(value);
                break;
            case "ListenPort":
                ReadPort(value);
                break;
            case "MTU":
                ReadMtu(value);
                break;
            case "Table":
                ReadTable(value);
                break;
            case "FwMark":
                ReadMark(value);
                break;
            case "AllowedPorts":
                _allowedPorts = ReadPorts(value);
                break;
            case "DNS":
                var servers = Excerpt.Bare(value.Text.Replace(",", " ", StringComparison.Ordinal));
                _reader.Warn(
                    value.Offset,
                    key,
                    "is not applied: the daemon leaves the name servers of this host alone "
                        + $"(after `up`: resolvectl dns {Device} {servers}; resolvectl domain {Device} '~.')"
                );
                break;
            case "SaveConfig":
                if (!Is(value.Text, "false"))
                {
                    _reader.Error(
                        value.Offset,
                        key,
                        "is refused: the daemon writes no file that it is given "
                            + "(remove the line; `udptunnelctl config NAME --wg-quick` prints what runs)"
                    );
                }

                break;
            default:
                var moment = key is "PreUp" or "PostUp" ? "up" : "down";
                _reader.Error(
                    value.Offset,
                    key,
                    "is refused: the daemon runs no commands "
                        + $"(remove the line, and run it yourself at `udptunnelctl {moment}`)"
                );
                break;
        }
    }

    private void ReadPeerKey(PeerDraft peer, string key, Piece value)
    {
        switch (key)
        {
            case "PublicKey":
                peer.ReadPublicKey(_reader, value.Offset, value.Text);
                break;
            case "PresharedKey":
                peer.ReadPresharedKey(_reader, value.Offset, value.Text);
                break;
            case "AllowedIPs":
                foreach (var item in WgQuickLine.Items(value))
                {
                    peer.ReadNetwork(_reader, item.Offset, _peerNetworks++, item.Text, maskHostBits: true);
                }

                break;
            case "Endpoint":
                peer.ReadEndpoint(_reader, value.Offset, value.Text);
                break;
            case "PersistentKeepalive":
                ReadKeepalive(peer, value);
                break;
            default:
                peer.AllowedPorts = ReadPorts(value);
                break;
        }
    }

    private void ReadPrivateKey(Piece value)
    {
        _peers.PrivateKeyOffset = value.Offset;
        if (!SecretKey.TryParse(value.Text, out _privateKey, out var error))
        {
            _reader.Error(value.Offset, KnownFields.PrivateKey.Name, error);
        }
        else if (!_privateKey.IsClamped)
        {
            _reader.Warn(value.Offset, KnownFields.PrivateKey.Name, PeerList.LooksPublic);
        }
    }

    private readonly void ReadAddresses(Piece value)
    {
        foreach (var item in WgQuickLine.Items(value))
        {
            if (!InterfaceAddress.TryParseEither(item.Text, requiresLength: false, out var address, out var error))
            {
                _reader.Error(item.Offset, "Address", error);
            }
            else if (_addresses.Count == TunnelConfig.MaxAddresses)
            {
                _reader.Error(item.Offset, "Address", $"more addresses than are allowed ({TunnelConfig.MaxAddresses})");
            }
            else if (_addresses.Any(a => a.Address.Equals(address.Address)))
            {
                _reader.Warn(item.Offset, "Address", $"{address.Address} is in the list already");
            }
            else
            {
                _addresses.Add(address);
            }
        }
    }

    private void ReadPort(Piece value)
    {
        if (value.Text == "0")
        {
            _port = HostPort.AnyPort;
        }
        else if (!PortRange.TryParsePort(value.Text, out var port))
        {
            _reader.Error(
                value.Offset,
                "ListenPort",
                $"{Excerpt.Quote(value.Text)} is not a port (1 to 65535, or 0 for any)"
            );
        }
        else if (HostPort.TryParse($":{port}", out var address, out _))
        {
            _port = address;
        }
    }

    private void ReadMtu(Piece value)
    {
        if (!DecimalNumber.TryParse(value.Text, TunnelConfig.MaxMtu, out var mtu) || mtu < TunnelConfig.MinMtu)
        {
            _reader.Error(
                value.Offset,
                "MTU",
                $"{Excerpt.Quote(value.Text)} is not an MTU ({TunnelConfig.MinMtu} to {TunnelConfig.MaxMtu} bytes)"
            );
            return;
        }

        _mtu = mtu;
        _mtuOffset = value.Offset;
        if (MtuRemark.On(TunnelProtocol.WireGuard, mtu) is { } remark)
        {
            _reader.Warn(value.Offset, "MTU", remark);
        }
    }

    private void ReadTable(Piece value)
    {
        _routes = Is(value.Text, "off") ? RouteMode.Off : RouteMode.Auto;
        _table = null;
        if (_routes == RouteMode.Off || Is(value.Text, "auto"))
        {
            return;
        }

        if (DecimalNumber.TryParse(value.Text, out uint table) && table > 0)
        {
            _table = table;
        }
        else
        {
            _reader.Error(
                value.Offset,
                "Table",
                $"{Excerpt.Quote(value.Text)} is neither off, auto nor the number of a routing table"
            );
        }
    }

    private void ReadMark(Piece value)
    {
        var isHexadecimal = value.Text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (Is(value.Text, "off"))
        {
            _mark = 0;
        }
        else if (
            isHexadecimal
                ? !uint.TryParse(
                    value.Text.AsSpan(2),
                    System.Globalization.NumberStyles.AllowHexSpecifier,
                    System.Globalization.CultureInfo.InvariantCulture,
                    out _mark
                )
                : !DecimalNumber.TryParse(value.Text, out _mark)
        )
        {
            _reader.Error(
                value.Offset,
                "FwMark",
                $"{Excerpt.Quote(value.Text)} is not a mark (off, or a number such as 51820 or 0xca6c)"
            );
        }
    }

    private readonly void ReadKeepalive(PeerDraft peer, Piece value)
    {
        var seconds = 0;
        const int Most = PeerConfig.MaxPersistentKeepalive;
        if (!Is(value.Text, "off") && !DecimalNumber.TryParse(value.Text, Most, out seconds))
        {
            _reader.Error(
                value.Offset,
                KnownFields.PersistentKeepalive.Name,
                $"{Excerpt.Quote(value.Text)} is not a whole number of seconds (off, or 0 to {Most})"
            );
        }

        peer.PersistentKeepalive = seconds;
    }

    private readonly PortSet? ReadPorts(Piece value)
    {
        if (value.Text == PortSet.AllWord)
        {
            return PortSet.All;
        }

        var ranges = new List<PortRange>();
        var items = WgQuickLine.Items(value);
        foreach (var item in items)
        {
            if (PortRange.TryParse(item.Text, out var range, out var error))
            {
                ranges.Add(range);
            }
            else
            {
                _reader.Error(item.Offset, KnownFields.AllowedPorts.Name, error);
            }
        }

        if (items.Count == 0)
        {
            _reader.Error(
                value.Offset,
                KnownFields.AllowedPorts.Name,
                "the list is empty (allow at least one port, such as 22)"
            );
        }

        return ranges.Count == items.Count && ranges.Count > 0 ? PortSet.Create([.. ranges]) : null;
    }

    private readonly void CheckTogether()
    {
        if (!_hasInterface)
        {
            _reader.Error(0, "", "the section [Interface] is missing, which says what this end is");
            return;
        }

        if (_mtu is not TunnelConfig.AutoMtu and < TunnelConfig.MinMtuV6 && HasV6)
        {
            _reader.Error(_mtuOffset, "MTU", MtuRemark.TooSmallForV6(_mtu));
        }

        if (_allowedPorts is null)
        {
            _reader.Warn(
                0,
                KnownFields.AllowedPorts.Name,
                "is not given: peers reach all TCP and UDP ports through the tunnel "
                    + "(a line \"AllowedPorts = 22, 443\" under [Interface] allows these alone)"
            );
        }

        if (_privateKey is null)
        {
            _reader.Warn(
                0,
                KnownFields.PrivateKey.Name,
                "is not given: the daemon makes one, and its public key belongs in the files of the peers"
            );
        }
    }

    private static string WhyUnknown(string key, bool isPeer)
    {
        var (own, others, section, other) = isPeer
            ? (PeerKeys, InterfaceKeys, Peer, Interface)
            : (InterfaceKeys, PeerKeys, Interface, Peer);
        if (Array.Exists(others, k => Is(key, k)))
        {
            return $"belongs under [{other}]; this is [{section}]";
        }

        return Suggestion.Nearest(key, own) is { } nearest
            ? $"is no key of [{section}]; did you mean {nearest}?"
            : $"is no key of [{section}] ({string.Join(", ", own)})";
    }

    private static bool Is(string text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
