// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>
/// Reads the fields of a tunnel file: those of every protocol here, the others by a reader for each protocol.
/// </summary>
internal ref struct TunnelFields
{
    private readonly FieldReader _reader;
    private readonly TunnelProtocol _protocol;
    private ClassicFields _classic;
    private WireGuardFields _wireGuard;
    private Member? _forwardMember;
    private Member? _mtuMember;
    private Member? _bindMember;
    private ValueList<InterfaceAddress> _tunnelAddresses = [];
    private HostPort _networkAddress = HostPort.AnyPort;
    private PortSet? _allowedPorts;
    private string? _tunnelDevice;
    private bool _forward;
    private bool _overlap;
    private int _mtu;
    private bool _firewall;
    private OffloadMode _offload;
    private bool _reject;
    private LocalAddress? _bindAddress;
    private string? _bindDevice;
    private int _dscp;
    private uint _firewallMark;
    private int _flowTableSize = TunnelConfig.DefaultFlowTableSize;
    private int _tcpIdleTimeout = TunnelConfig.DefaultTcpIdleTimeout;
    private int _udpIdleTimeout = TunnelConfig.DefaultUdpIdleTimeout;

    public TunnelFields(FieldReader reader, TunnelProtocol protocol, Func<SecretKey, PublicKey>? publicKeyOf)
    {
        _reader = reader;
        _protocol = protocol;
        _classic = new ClassicFields(reader);
        _wireGuard = new WireGuardFields(reader, publicKeyOf);
        _mtu = protocol == TunnelProtocol.Classic ? TunnelConfig.DefaultMtu : TunnelConfig.DefaultWireGuardMtu;
    }

    /// <summary>Reads one field.</summary>
    public void Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "Protocol":
                _reader.TryReadChoice(member, Choices.TunnelProtocol, out _);
                break;
            case "TunnelAddress":
                ReadTunnelAddress(member);
                break;
            case "NetworkAddress":
                ReadNetworkAddress(member);
                break;
            case "AllowedPorts":
                _allowedPorts = AllowedPortsReader.Read(_reader, member);
                break;
            case "TunnelDevice":
                ReadDevice(member, ref _tunnelDevice);
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
            case "Routes":
                ReadRoutes(member);
                break;
            case "FirewallMark":
                _reader.TryReadUInt32(member, 0, "a mark", out _firewallMark);
                break;
            case "BindAddress":
                ReadBindAddress(member);
                break;
            case "BindDevice":
                ReadDevice(member, ref _bindDevice);
                break;
            case "Dscp":
                _reader.TryReadInteger(member, 0, TunnelConfig.MaxDscp, "a DSCP", "", out _dscp);
                break;
            case "FlowTableSize":
                _reader.TryReadInteger(
                    member,
                    1,
                    TunnelConfig.MaxFlowTableSize,
                    "a number of flows",
                    "",
                    out _flowTableSize
                );
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
                if (!_classic.Read(member) && !_wireGuard.Read(member))
                {
                    throw new InvalidOperationException($"{member.Field.Name} is no field of a tunnel.");
                }

                break;
        }
    }

    /// <summary>Checks what takes more than one peer, or all addresses.</summary>
    public readonly void CheckPeers()
    {
        _wireGuard.CheckPeers();
        if (
            _mtuMember is { } member
            && _mtu is not TunnelConfig.AutoMtu and < TunnelConfig.MinMtuV6
            && (_tunnelAddresses.Any(address => address.IsV6) || _wireGuard.HasV6)
        )
        {
            _reader.Error(member, MtuRemark.TooSmallForV6(_mtu));
        }
    }

    /// <summary>
    /// Remarks upon what is accepted and takes a look at all fields. Not for a text with errors, which matter more.
    /// </summary>
    public readonly void CheckTogether()
    {
        if (_protocol == TunnelProtocol.Classic)
        {
            _classic.CheckTogether();
        }
        else
        {
            _wireGuard.CheckTogether();
        }

        if (_bindAddress is { Port: not 0 } && _networkAddress.Kind == HostKind.None && _bindMember is { } bind)
        {
            _reader.Warn(bind, "has a port without effect: the port of this end is that of NetworkAddress");
        }

        if (_forward && !_firewall && _forwardMember is { } member)
        {
            _reader.Warn(member, "has no effect without \"Firewall\": true");
        }
    }

    /// <summary>The configuration; only if the text has no error.</summary>
    public readonly TunnelConfig ToConfiguration(string name)
    {
        var common = new TunnelConfig
        {
            Name = name,
            Protocol = _protocol,
            TunnelAddresses = _tunnelAddresses,
            NetworkAddress = _networkAddress,
            AllowedPorts = _allowedPorts!,
            TunnelDevice = _tunnelDevice,
            Mtu = _mtu,
            Firewall = _firewall,
            Forward = _forward,
            Overlap = _overlap,
            Offload = _offload,
            Reject = _reject,
            BindAddress = _bindAddress,
            BindDevice = _bindDevice,
            Dscp = _dscp,
            FirewallMark = _firewallMark,
            FlowTableSize = _flowTableSize,
            TcpIdleTimeout = TimeSpan.FromSeconds(_tcpIdleTimeout),
            UdpIdleTimeout = TimeSpan.FromSeconds(_udpIdleTimeout),
        };
        return _protocol == TunnelProtocol.Classic ? _classic.Complete(common) : _wireGuard.Complete(common);
    }

    private readonly void ReadTimeout(in Member member, out int seconds) =>
        _reader.TryReadInteger(member, 1, TunnelConfig.MaxFlowTimeout, "a whole number of seconds", "", out seconds);

    private void ReadTunnelAddress(in Member member)
    {
        if (_protocol == TunnelProtocol.WireGuard)
        {
            _tunnelAddresses = AddressesReader.Read(_reader, member);
        }
        else if (_reader.TryReadString(member, out var text))
        {
            if (InterfaceAddress.TryParse(text, out var address, out var error))
            {
                _tunnelAddresses = [address];
            }
            else
            {
                _reader.Error(member, error);
            }
        }
    }

    private void ReadNetworkAddress(in Member member)
    {
        if (
            _protocol == TunnelProtocol.WireGuard
            && member.Value.Kind == JsonKind.String
            && _reader.Text(member.Value) == $"{HostPort.AnyPort}"
        )
        {
            return;
        }

        if (!_reader.TryReadHostPort(member, out var address))
        {
            return;
        }

        _networkAddress = address;
        var found = _reader.Found(member.Value);
        if (_protocol == TunnelProtocol.WireGuard && address.Kind != HostKind.None)
        {
            _reader.Error(
                member,
                $"{found} has a host (here stands the port of this end, such as \":{address.Port}\"; "
                    + "where a peer is stands in its Endpoint)"
            );
        }
        else if (address.IsUnspecified)
        {
            _reader.Error(member, $"{found} names no server (a server's own file has \":{address.Port}\")");
        }
    }

    private void ReadRoutes(in Member member)
    {
        if (_protocol == TunnelProtocol.Classic)
        {
            _classic.ReadRoutes(member);
        }
        else
        {
            _wireGuard.ReadRoutes(member);
        }
    }

    private void ReadBindAddress(in Member member)
    {
        if (
            _reader.TryReadString(member, out var text) && !LocalAddress.TryParse(text, out _bindAddress, out var error)
        )
        {
            _reader.Error(member, error);
        }

        _bindMember = member;
    }

    private readonly void ReadDevice(in Member member, ref string? device)
    {
        // The predecessor takes an empty name for none.
        if (!_reader.TryReadString(member, out var text) || text.Length == 0)
        {
            return;
        }

        if (DeviceName.TryValidate(text, out var error))
        {
            device = text;
        }
        else
        {
            _reader.Error(member, error);
        }
    }

    private void ReadMtu(in Member member)
    {
        if (member.Value.Kind == JsonKind.String && _reader.Text(member.Value) == Choices.Auto)
        {
            _mtu = TunnelConfig.AutoMtu;
            return;
        }

        const string Unit = $"bytes, or \"{Choices.Auto}\"";
        if (!_reader.TryReadInteger(member, TunnelConfig.MinMtu, TunnelConfig.MaxMtu, "an MTU", Unit, out _mtu))
        {
            return;
        }

        _mtuMember = member;
        if (MtuRemark.On(_protocol, _mtu) is { } remark)
        {
            _reader.Warn(member, remark);
        }
    }
}
