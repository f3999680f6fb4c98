using System.Text;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the fields of a tunnel file.</summary>
internal ref struct TunnelFields
{
    /// <summary>Bytes of the wire format in front of a packet: the MD5 of the magic.</summary>
    private const int MagicLength = 16;

    /// <summary>
    /// Largest packet that fits a datagram over IPv4: 65,535 less 20 bytes of IPv4, 8 of UDP, and the magic.
    /// </summary>
    private const int LargestPacketOverIPv4 = 65_535 - 20 - 8 - MagicLength;

    /// <summary>Largest packet whose datagram fits an Ethernet frame: 1,500 less the same.</summary>
    private const int LargestPacketOverEthernet = 1_500 - 20 - 8 - MagicLength;

    /// <summary>
    /// Words that stand in examples of this project, or that people try first. None of them keeps a stranger out.
    /// </summary>
    private static readonly HashSet<string> WellKnownMagics = new(StringComparer.OrdinalIgnoreCase)
    {
        "3cce35f267e1936f", "the same word at both ends", "change me", "changeme", "magic", "packetmagic", "password",
        "passwd", "secret", "s3cret", "udptunnel", "tunnel", "test", "example", "hunter2", "admin", "123456", "12345678",
    };

    private readonly FieldReader _reader;
    private Member? _magicMember;
    private Member? _forwardMember;
    private InterfaceAddress? _tunnelAddress;
    private HostPort? _networkAddress;
    private PortSet? _allowedPorts;
    private string? _tunnelDevice;
    private int _heartbeatInterval = TunnelConfig.DefaultHeartbeatInterval;
    private string _packetMagic = "";
    private Ipv4NetworkList _allowedSources = [];
    private Ipv4NetworkList _allowedDestinations = [];
    private bool _forward;
    private bool _overlap;
    private int _mtu = TunnelConfig.DefaultMtu;
    private bool _firewall;
    private OffloadMode _offload;
    private bool _reject;
    private int _flowTableSize = TunnelConfig.DefaultFlowTableSize;
    private int _tcpIdleTimeout = TunnelConfig.DefaultTcpIdleTimeout;
    private int _udpIdleTimeout = TunnelConfig.DefaultUdpIdleTimeout;

    public TunnelFields(FieldReader reader) => _reader = reader;

    /// <summary>Reads one field.</summary>
    public void Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "TunnelAddress":
                ReadTunnelAddress(member);
                break;
            case "NetworkAddress":
                ReadNetworkAddress(member);
                break;
            case "AllowedPorts":
                _allowedPorts = AllowedPortsReader.Read(_reader, member);
                break;
            case "AllowedSources":
                _allowedSources = NetworksReader.Read(_reader, member);
                break;
            case "AllowedDestinations":
                _allowedDestinations = NetworksReader.Read(_reader, member);
                break;
            case "TunnelDevice":
                ReadTunnelDevice(member);
                break;
            case "HeartbeatInterval":
                _reader.TryReadInteger(
                    member,
                    0,
                    TunnelConfig.MaxHeartbeatInterval,
                    "a whole number of seconds",
                    "",
                    out _heartbeatInterval);
                break;
            case "PacketMagic":
                ReadPacketMagic(member);
                break;
            case "TunnelPeerAddress":
                ReadWithoutEffect(member, "it is not used on Linux");
                break;
            case "LogFile":
                ReadWithoutEffect(member, "the daemon logs to standard error and never opens a path that a file names");
                break;
            case "Mtu":
                ReadMtu(member);
                break;
            case "Firewall":
                _reader.TryReadBoolean(member, out _firewall);
                break;
            case "Forward":
                _forwardMember = member;
                _reader.TryReadBoolean(member, out _forward);
                break;
            case "Overlap":
                _reader.TryReadBoolean(member, out _overlap);
                break;
            case "Reject":
                _reader.TryReadBoolean(member, out _reject);
                break;
            case "FlowTableSize":
                _reader.TryReadInteger(member, 1, TunnelConfig.MaxFlowTableSize, "a number of flows", "", out _flowTableSize);
                break;
            case "TcpIdleTimeout":
                ReadTimeout(member, out _tcpIdleTimeout);
                break;
            case "UdpIdleTimeout":
                ReadTimeout(member, out _udpIdleTimeout);
                break;
            case "Offload":
                _reader.TryReadChoice(member, Choices.Offload, out _offload);
                break;
            default:
                throw new InvalidOperationException($"{member.Field.Name} is no field of a tunnel.");
        }
    }

    /// <summary>Remarks upon what is accepted and takes a look at all fields. Not for a text with errors, which matter more.</summary>
    public readonly void CheckTogether()
    {
        if (_packetMagic.Length == 0 || WellKnownMagics.Contains(_packetMagic.Trim()))
        {
            // The word is a secret even when it is a bad one.
            var offset = _magicMember?.Value.Start ?? _reader.Nodes[0].Start;
            var fault = _packetMagic.Length == 0 ? "is empty" : "is the word of an example";
            _reader.Warn(
                offset,
                KnownFields.PacketMagic.Name,
                $"{fault}: whoever reaches the port can send packets into the tunnel "
                    + "(the same word at both ends, such as `openssl rand -hex 16` makes)");
        }

        if (_forward && !_firewall && _forwardMember is { } member)
        {
            _reader.Warn(member, "has no effect without \"Firewall\": true");
        }
    }

    /// <summary>The configuration; only if the text has no error.</summary>
    public readonly TunnelConfig ToConfiguration(string name) => new()
    {
        Name = name,
        TunnelAddress = _tunnelAddress!,
        NetworkAddress = _networkAddress!,
        AllowedPorts = _allowedPorts!,
        AllowedSources = _allowedSources,
        AllowedDestinations = _allowedDestinations,
        TunnelDevice = _tunnelDevice,
        HeartbeatInterval = TimeSpan.FromSeconds(_heartbeatInterval),
        PacketMagic = _packetMagic,
        Mtu = _mtu,
        Firewall = _firewall,
        Forward = _forward,
        Overlap = _overlap,
        Offload = _offload,
        Reject = _reject,
        FlowTableSize = _flowTableSize,
        TcpIdleTimeout = TimeSpan.FromSeconds(_tcpIdleTimeout),
        UdpIdleTimeout = TimeSpan.FromSeconds(_udpIdleTimeout),
    };

    private readonly void ReadTimeout(in Member member, out int seconds) =>
        _reader.TryReadInteger(member, 1, TunnelConfig.MaxFlowTimeout, "a whole number of seconds", "", out seconds);

    private void ReadTunnelAddress(in Member member)
    {
        if (_reader.TryReadString(member, out var text)
            && !InterfaceAddress.TryParse(text, out _tunnelAddress, out var error))
        {
            _reader.Error(member, error);
        }
    }

    private void ReadNetworkAddress(in Member member)
    {
        if (_reader.TryReadHostPort(member, out _networkAddress) && _networkAddress.IsUnspecified)
        {
            var found = _reader.Found(member.Value);
            _reader.Error(member, $"{found} names no server (a server's own file has \":{_networkAddress.Port}\")");
        }
    }

    private void ReadTunnelDevice(in Member member)
    {
        // The predecessor takes an empty name for none.
        if (!_reader.TryReadString(member, out var text) || text.Length == 0)
        {
            return;
        }

        if (DeviceName.TryValidate(text, out var error))
        {
            _tunnelDevice = text;
        }
        else
        {
            _reader.Error(member, error);
        }
    }

    private void ReadPacketMagic(in Member member)
    {
        _magicMember = member;
        if (!_reader.TryReadString(member, out var text))
        {
            return;
        }

        _packetMagic = text;
        if (Encoding.UTF8.GetByteCount(text) > TunnelConfig.MaxPacketMagicLength)
        {
            _reader.Error(member, $"the word is too long (at most {TunnelConfig.MaxPacketMagicLength} bytes)");
        }
    }

    private readonly void ReadWithoutEffect(in Member member, string reason)
    {
        // In the predecessor's files an empty string is the same as no field.
        if (_reader.TryReadString(member, out var text) && text.Length > 0)
        {
            _reader.Warn(member, $"has no effect: {reason}");
        }
    }

    private void ReadMtu(in Member member)
    {
        if (!_reader.TryReadInteger(member, TunnelConfig.MinMtu, TunnelConfig.MaxMtu, "an MTU", "bytes", out _mtu))
        {
            return;
        }

        if (_mtu > LargestPacketOverIPv4)
        {
            _reader.Warn(member, $"packets over {LargestPacketOverIPv4} bytes do not fit a UDP datagram over IPv4");
        }
        else if (_mtu > LargestPacketOverEthernet)
        {
            _reader.Warn(
                member,
                $"packets over {LargestPacketOverEthernet} bytes are sent in fragments on links with an MTU of 1500");
        }
    }
}
