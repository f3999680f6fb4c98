// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the fields that only a classic tunnel has.</summary>
internal ref struct ClassicFields
{
    /// <summary>
    /// Words that stand in examples of this project, or that people try first. None of them keeps a stranger out.
    /// </summary>
    private static readonly HashSet<string> WellKnownMagics = new(StringComparer.OrdinalIgnoreCase)
    {
        "3cce35f267e1936f",
        "the same word at both ends",
        "change me",
        "changeme",
        "magic",
        "packetmagic",
        "password",
        "passwd",
        "secret",
        "s3cret",
        "udptunnel",
        "tunnel",
        "test",
        "example",
        "hunter2",
        "admin",
        "123456",
        "12345678",
    };

    private readonly FieldReader _reader;
    private Member? _magicMember;
    private int _heartbeatInterval = TunnelConfig.DefaultHeartbeatInterval;
    private string _packetMagic = "";
    private ValueList<Ipv4Network> _allowedSources = [];
    private ValueList<Ipv4Network> _allowedDestinations = [];
    private ValueList<Ipv4Network> _routes = [];

    public ClassicFields(FieldReader reader) => _reader = reader;

    /// <summary>Reads one field.</summary>
    /// <returns>False if it is none of these.</returns>
    public bool Read(in Member member)
    {
        switch (member.Field.Name)
        {
            case "AllowedSources":
                _allowedSources = NetworksReader.Read(_reader, member);
                return true;
            case "AllowedDestinations":
                _allowedDestinations = NetworksReader.Read(_reader, member);
                return true;
            case "HeartbeatInterval":
                _reader.TryReadInteger(
                    member,
                    0,
                    TunnelConfig.MaxHeartbeatInterval,
                    "a whole number of seconds",
                    "",
                    out _heartbeatInterval
                );
                return true;
            case "PacketMagic":
                ReadPacketMagic(member);
                return true;
            case "TunnelPeerAddress":
                ReadWithoutEffect(member, "it is not used on Linux");
                return true;
            case "LogFile":
                ReadWithoutEffect(member, "the daemon logs to standard error and never opens a path that a file names");
                return true;
            default:
                return false;
        }
    }

    /// <summary>Reads the networks that get routes.</summary>
    public void ReadRoutes(in Member member) => _routes = NetworksReader.Read(_reader, member);

    /// <summary>Remarks upon what is accepted. Not for a text with errors, which matter more.</summary>
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
                    + "(the same word at both ends, such as `openssl rand -hex 16` makes)"
            );
        }
    }

    /// <summary>A configuration with these fields; only if the text has no error.</summary>
    public readonly TunnelConfig Complete(TunnelConfig common) =>
        common with
        {
            AllowedSources = _allowedSources,
            AllowedDestinations = _allowedDestinations,
            RouteNetworks = _routes,
            HeartbeatInterval = TimeSpan.FromSeconds(_heartbeatInterval),
            PacketMagic = _packetMagic,
        };

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
}
