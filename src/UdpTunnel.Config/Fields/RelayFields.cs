namespace UdpTunnel.Config.Fields;

/// <summary>
/// Reads the fields of a relay file. What depends on the role waits for the end: fields come in any order.
/// </summary>
internal ref struct RelayFields
{
    private readonly FieldReader _reader;
    private RelayRole? _role;
    private HostPort? _udpAddress;
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
    private Member _udpMember;
    private Member _tcpMember;
    private Member _keyMember;

    public RelayFields(FieldReader reader) => _reader = reader;

    /// <summary>Reads one field.</summary>
    public void Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "Relay":
                _role = _reader.TryReadChoice(member, Choices.Role, out var role) ? role : null;
                break;
            case "UdpAddress":
                _udpMember = member;
                _reader.TryReadHostPort(member, out _udpAddress);
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
                    out _idleTimeout);
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
            default:
                throw new InvalidOperationException($"{member.Field.Name} is no field of a relay.");
        }
    }

    /// <summary>Checks what takes more than one field.</summary>
    public readonly void CheckTogether()
    {
        if (_role is { } role)
        {
            CheckAddress(role, _udpMember, _udpAddress, "the service");
            CheckAddress(role, _tcpMember, _tcpAddress, "the receiver");
            CheckEnd(role, RelayRole.Sender, _answersMember);
            CheckEnd(role, RelayRole.Receiver, _clientsMember);
            CheckEnd(role, RelayRole.Receiver, _flowRateMember);
            CheckEnd(role, RelayRole.Receiver, _byteRateMember);
        }

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
    public readonly RelayConfig ToConfiguration(string name) => new()
    {
        Name = name,
        Relay = _role!.Value,
        UdpAddress = _udpAddress!,
        TcpAddress = _tcpAddress!,
        Protocol = _protocol,
        IdleTimeout = TimeSpan.FromSeconds(_idleTimeout),
        MaxFlows = _maxFlows,
        ReceiverKey = _receiverKey,
        AnswersFrom = _answersFrom,
        AllowedClients = _allowedClients,
        ClientFlowRate = _clientFlowRate,
        ClientByteRate = _clientByteRate,
    };

    private void ReadReceiverKey(in Member member)
    {
        _keyMember = member;
        if (_reader.TryReadString(member, out var text)
            && !KeyFingerprint.TryParse(text, out _receiverKey, out var error))
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

    private readonly void CheckAddress(RelayRole role, in Member member, HostPort? address, string target)
    {
        if (address is null)
        {
            return;
        }

        var found = _reader.Found(member.Value);
        if (role == RelayRole.Sender && (address.Kind == HostKind.None || address.IsUnspecified))
        {
            _reader.Error(
                member,
                $"{found} has no host to connect to (a sender names {target}, such as \"example.com:{address.Port}\")");
        }
        else if (role == RelayRole.Receiver && address.Kind == HostKind.Name)
        {
            // A name may have several addresses, and one that changes: not a thing to bind.
            _reader.Error(
                member,
                $"{found} has a name (a receiver binds an address of its own, such as \":{address.Port}\")");
        }
    }
}
