// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the fields that only a tunnel of WireGuard's protocol has.</summary>
internal ref struct WireGuardFields
{
    private readonly FieldReader _reader;
    private readonly Func<SecretKey, PublicKey>? _publicKeyOf;
    private readonly PeerList _peers = new();
    private SecretKey? _privateKey;
    private Member? _tableMember;
    private UnknownPeers _unknownPeers;
    private RouteMode _routes;
    private uint? _routeTable;

    public WireGuardFields(FieldReader reader, Func<SecretKey, PublicKey>? publicKeyOf)
    {
        _reader = reader;
        _publicKeyOf = publicKeyOf;
    }

    /// <summary>Reads one field.</summary>
    /// <returns>False if it is none of these.</returns>
    public bool Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "PrivateKey":
                ReadPrivateKey(member);
                return true;
            case "Peers":
                PeersReader.Read(_reader, member, _peers);
                return true;
            case "UnknownPeers":
                _reader.TryReadChoice(member, Choices.UnknownPeers, out _unknownPeers);
                return true;
            case "RouteTable":
                _tableMember = member;
                _routeTable = _reader.TryReadUInt32(member, 1, "a number of a routing table", out var table)
                    ? table
                    : null;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Reads whether the peers' networks get routes.</summary>
    public void ReadRoutes(in Member member) => _reader.TryReadChoice(member, Choices.Routes, out _routes);

    /// <summary>Whether a peer has a network of IPv6.</summary>
    public readonly bool HasV6 => _peers.HasV6;

    /// <summary>Checks what takes more than one field, or more than one peer.</summary>
    public readonly void CheckPeers() => _peers.Check(_reader, _privateKey, _publicKeyOf);

    /// <summary>Remarks upon what is accepted. Not for a text with errors, which matter more.</summary>
    public readonly void CheckTogether()
    {
        if (_routes == RouteMode.Off && _tableMember is { } member)
        {
            _reader.Warn(member, "has no effect with \"Routes\": \"off\"");
        }
    }

    /// <summary>A configuration with these fields; only if the text has no error.</summary>
    public readonly TunnelConfig Complete(TunnelConfig common) =>
        common with
        {
            PrivateKey = _privateKey,
            Peers = _peers.ToConfigurations(),
            UnknownPeers = _unknownPeers,
            Routes = _routes,
            RouteTable = _routeTable,
        };

    private void ReadPrivateKey(in Member member)
    {
        if (!_reader.TryReadKeyText(member, out var text))
        {
            return;
        }

        if (!SecretKey.TryParse(text, out _privateKey, out var error))
        {
            _reader.Error(member, error);
        }
        else if (!_privateKey.IsClamped)
        {
            _reader.Warn(member, PeerList.LooksPublic);
        }

        _peers.PrivateKeyOffset = member.Value.Start;
    }
}
