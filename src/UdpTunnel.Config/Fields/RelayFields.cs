// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>
/// Reads the fields of a relay file. What depends on the role waits for the end: fields come in any order.
/// </summary>
internal ref struct RelayFields
{
    private readonly FieldReader _reader;
    private RelayRole? _role;
    private UdpServiceList? _services;
    private HostPort? _tcpAddress;
    private RelayProtocol _protocol;
    private int _idleTimeout = RelayConfig.DefaultIdleTimeout;
    private int _maxFlows = RelayConfig.DefaultMaxFlows;
    private KeyFingerprint? _receiverKey;
    private AnswersFrom _answersFrom = AnswersFrom.AnyPort;
    private ValueList<IpPrefix> _allowedClients = [];
    private int _clientFlowRate;
    private int _clientByteRate;
    private Member _answersMember;
    private Member _clientsMember;
    private Member _flowRateMember;
    private Member _byteRateMember;
    private ProxyProtocol _proxyProtocol;
    private Member _tcpMember;
    private Member _keyMember;
    private Member _proxyMember;
    private readonly List<(JsonNode Node, string Field)> _items;

    public RelayFields(FieldReader reader)
    {
        _reader = reader;
        _items = [];
    }

    /// <summary>Reads one field.</summary>
    public void Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "Relay":
                _role = _reader.TryReadChoice(member, Choices.Role, out var role) ? role : null;
                break;
            case "UdpAddress":
                _services = ServicesReader.Read(_reader, member, _items);
                break;
            case "TcpAddress":
                _tcpMember = member;
                _reader.TryReadHostPort(member, out _tcpAddress);
                break;
            case "Protocol":
                _reader.TryReadChoice(member, Choices.Protocol, out _protocol);
                break;
            case "IdleTimeout":
                _reader.TryReadInteger(
                    member,
                    1,
                    RelayConfig.MaxIdleTimeout,
                    "a whole number of seconds",
                    "",
                    out _idleTimeout
                );
                break;
            case "MaxFlows":
                _reader.TryReadInteger(member, 1, RelayConfig.MaxMaxFlows, "a number of flows", "", out _maxFlows);
                break;
            case "ReceiverKey":
                ReadReceiverKey(member);
                break;
            case "AnswersFrom":
                _answersMember = member;
                _reader.TryReadChoice(member, Choices.Answers, out _answersFrom);
                break;
            case "AllowedClients":
                _clientsMember = member;
                _allowedClients = NetworksReader.ReadBoth(_reader, member);
                break;
            case "ClientFlowRate":
                _flowRateMember = member;
                ReadRate(member, "a number of flows a second", out _clientFlowRate);
                break;
            case "ClientByteRate":
                _byteRateMember = member;
                ReadRate(member, "a number of bytes a second", out _clientByteRate);
                break;
            case "ProxyProtocol":
                _proxyMember = member;
                _reader.TryReadChoice(member, Choices.Proxy, out _proxyProtocol);
                break;
            default:
                throw new InvalidOperationException($"{member.Field.Name} is no field of a relay.");
        }
    }

    /// <summary>Checks what takes more than one field.</summary>
    public readonly void CheckTogether()
    {
        if (_role is { } role)
        {
            CheckServices(role);
            if (_tcpAddress is not null)
            {
                CheckAddress(role, _tcpMember.Value, _tcpMember.Field.Name, _tcpAddress, "the receiver");
            }
            CheckEnd(role, RelayRole.Sender, _answersMember);
            CheckEnd(role, RelayRole.Receiver, _clientsMember);
            CheckEnd(role, RelayRole.Receiver, _flowRateMember);
            CheckEnd(role, RelayRole.Receiver, _byteRateMember);
        }

        CheckProxyProtocol();

        if (_receiverKey is not null && _role == RelayRole.Receiver)
        {
            _reader.Error(_keyMember, "a receiver has no use for it (it belongs in the sender's file)");
        }
        else if (_receiverKey is not null && _protocol == RelayProtocol.Classic)
        {
            _reader.Error(_keyMember, "the classic protocol has no keys (leave it out, or use \"tls\")");
        }
    }

    /// <summary>The configuration; only if the text has no error.</summary>
    public readonly RelayConfig ToConfiguration(string name) =>
        new()
        {
            Name = name,
            Relay = _role!.Value,
            UdpAddress = _services!,
            TcpAddress = _tcpAddress!,
            Protocol = _protocol,
            IdleTimeout = TimeSpan.FromSeconds(_idleTimeout),
            MaxFlows = _maxFlows,
            ReceiverKey = _receiverKey,
            AnswersFrom = _answersFrom,
            AllowedClients = _allowedClients,
            ClientFlowRate = _clientFlowRate,
            ClientByteRate = _clientByteRate,
            ProxyProtocol = _proxyProtocol,
        };

    private void ReadReceiverKey(in Member member)
    {
        _keyMember = member;
        if (
            _reader.TryReadString(member, out var text)
            && !KeyFingerprint.TryParse(text, out _receiverKey, out var error)
        )
        {
            _reader.Error(member, error);
        }
    }

    private readonly void ReadRate(in Member member, string what, out int rate) =>
        _reader.TryReadInteger(member, 1, RelayConfig.MaxClientRate, what, "", out rate);

    /// <summary>A field that one end alone has a use for.</summary>
    private readonly void CheckEnd(RelayRole role, RelayRole end, in Member member)
    {
        if (member.Field is not null && role != end)
        {
            var (here, there) = (Choices.Text(Choices.Role, role), Choices.Text(Choices.Role, end));
            _reader.Error(member, $"a {here} has no use for it (it belongs in the {there}'s file)");
        }
    }

    private readonly void CheckProxyProtocol()
    {
        if (_proxyProtocol == ProxyProtocol.Off)
        {
            return;
        }

        if (_role == RelayRole.Receiver)
        {
            _reader.Error(_proxyMember, "a receiver has no use for it (it belongs in the sender's file)");
        }
        else if (_protocol == RelayProtocol.Classic)
        {
            _reader.Error(_proxyMember, "the classic protocol does not tell all that the header holds (use \"tls\")");
        }
    }

    private readonly void CheckServices(RelayRole role)
    {
        if (_services is not { } services)
        {
            return;
        }

        // What belongs together, with the place where it stood first: two services would share it.
        var places = new Dictionary<(string Host, int Port), string>();
        for (var i = 0; i < services.Count; i++)
        {
            var service = services[i];
            var (node, field) = _items[i];
            CheckAddress(role, node, field, service.Address, "the service");
            if (role == RelayRole.Receiver && service.IsMapped)
            {
                _reader.Error(
                    node.Start,
                    field,
                    $"{_reader.Found(node)} maps ports (the sender says which service a port belongs to)"
                );
            }

            // At a sender the receiver's port alone tells services apart; a receiver may have it at several addresses.
            var host = role == RelayRole.Receiver ? service.Address.Host : "";
            for (var port = 0; port < service.Count; port++)
            {
                var number = service.ReceiverPort + port;
                if (!places.TryAdd((host, number), field))
                {
                    var what = role == RelayRole.Receiver ? $"port {number}" : $"the receiver's port {number}";
                    _reader.Error(node.Start, field, $"{what} is in {places[(host, number)]} already");
                    break;
                }
            }
        }

        if (_protocol == RelayProtocol.Classic && services.PortCount > 1)
        {
            _reader.Error(
                _items[^1].Node.Start,
                _items[^1].Field,
                "the classic protocol carries one service (use \"tls\")"
            );
        }
    }

    private readonly void CheckAddress(RelayRole role, JsonNode node, string field, HostPort address, string target)
    {
        var found = _reader.Found(node);
        if (role == RelayRole.Sender && (address.Kind == HostKind.None || address.IsUnspecified))
        {
            _reader.Error(
                node.Start,
                field,
                $"{found} has no host to connect to (a sender names {target}, such as \"example.com:{address.Port}\")"
            );
        }
        else if (role == RelayRole.Receiver && address.Kind == HostKind.Name)
        {
            // A name may have several addresses, and one that changes: not a thing to bind.
            _reader.Error(
                node.Start,
                field,
                $"{found} has a name (a receiver binds an address of its own, such as \":{address.Port}\")"
            );
        }
    }
}
