// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>A request of the protocol cannot be done.</summary>
internal sealed class DeviceProtocolException(Errno errno) : Exception
{
    /// <summary>What the answer says.</summary>
    public Errno Errno { get; } = errno;
}

/// <summary>
/// The text protocol by which <c>wg</c>(8) and other programs look at a WireGuard device that is no kernel's, and
/// change it (https://www.wireguard.com/xplatform/): lines of <c>key=value</c>, ended by an empty one. Pure.
/// </summary>
internal static class DeviceProtocol
{
    /// <summary>First line of a request to look.</summary>
    public const string Get = "get=1";

    /// <summary>First line of a request to change.</summary>
    public const string Set = "set=1";

    private const string True = "true";

    /// <summary>The end of an answer, and all of one to a change.</summary>
    /// <param name="errno">None if it was done; the number is negative otherwise, as wg expects it.</param>
    public static string End(Errno errno) => string.Create(CultureInfo.InvariantCulture, $"errno={-(int)errno}\n\n");

    /// <summary>The answer to a look.</summary>
    /// <param name="config">The tunnel, with its private key.</param>
    /// <param name="status">How it is.</param>
    public static string Describe(TunnelConfig config, TunnelStatus status)
    {
        var text = new StringBuilder();
        if (config.PrivateKey is { } key)
        {
            Line(text, "private_key", Convert.ToHexStringLower(key.Bytes));
        }

        Line(text, "listen_port", status.LocalPort);
        if (config.FirewallMark != 0)
        {
            Line(text, "fwmark", config.FirewallMark);
        }

        var states = status.Peers.ToDictionary(peer => peer.PublicKey);
        foreach (var peer in config.Peers)
        {
            Describe(text, peer, states.GetValueOrDefault(peer.PublicKey.ToString()));
        }

        return text.Append(End(Errno.None)).ToString();
    }

    /// <summary>A configuration with what a request changes.</summary>
    /// <param name="before">The tunnel, with its private key.</param>
    /// <param name="port">The port that it has now: to set that one is no change.</param>
    /// <param name="lines">The request, without its first line.</param>
    /// <exception cref="DeviceProtocolException">A line is wrong, or the whole is no valid tunnel.</exception>
    public static TunnelConfig Apply(TunnelConfig before, int port, IEnumerable<string> lines)
    {
        var change = new Change(before, port);
        foreach (var line in lines)
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw Wrong();
            }

            change.Take(line[..equals], line[(equals + 1)..]);
        }

        var after = change.ToConfiguration();
        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(after.ToJson()), after.Name);
        return result.Configuration is TunnelConfig ? after : throw Wrong();
    }

    private static DeviceProtocolException Wrong() => new(Errno.Invalid);

    private static void Describe(StringBuilder text, PeerConfig peer, PeerStatus? status)
    {
        Span<byte> key = stackalloc byte[PublicKey.Size];
        peer.PublicKey.CopyTo(key);
        Line(text, "public_key", Convert.ToHexStringLower(key));
        Line(
            text,
            "preshared_key",
            peer.PresharedKey is { } shared
                ? Convert.ToHexStringLower(shared.Bytes)
                : new string('0', 2 * SecretKey.Size)
        );
        Line(text, "protocol_version", 1);
        if (status is { Endpoint.Length: > 0 })
        {
            Line(text, "endpoint", status.Endpoint);
        }

        var handshake = status?.LastHandshake ?? DateTimeOffset.UnixEpoch;
        var sinceEpoch = handshake - DateTimeOffset.UnixEpoch;
        Line(text, "last_handshake_time_sec", (long)sinceEpoch.TotalSeconds);
        Line(
            text,
            "last_handshake_time_nsec",
            sinceEpoch.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick
        );
        Line(text, "tx_bytes", status?.WireBytesOut ?? 0);
        Line(text, "rx_bytes", status?.WireBytesIn ?? 0);
        Line(text, "persistent_keepalive_interval", (long)peer.PersistentKeepalive.TotalSeconds);
        foreach (var network in peer.AllowedIPs)
        {
            Line(text, "allowed_ip", network.ToString());
        }
    }

    private static void Line(StringBuilder text, string key, string value) =>
        text.Append(key).Append('=').Append(value).Append('\n');

    private static void Line(StringBuilder text, string key, long value) =>
        Line(text, key, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A change as far as it was read.</summary>
    private sealed class Change
    {
        private readonly TunnelConfig _before;
        private readonly int _port;

        // Peers in their order; of each what it becomes.
        private readonly List<PeerConfig> _peers;
        private TunnelConfig _tunnel;
        private int _current = -1;
        private bool _isNew;
        private bool _isRemoved;
        private bool _isSkipped;

        public Change(TunnelConfig before, int port)
        {
            _before = before;
            _port = port;
            _peers = [.. before.Peers];
            _tunnel = before;
        }

        public void Take(string key, string value)
        {
            if (key == "public_key")
            {
                Begin(ReadKey(value));
            }
            else if (_current < 0 && !_isRemoved && !_isSkipped)
            {
                TakeTunnel(key, value);
            }
            else
            {
                TakePeer(key, value);
            }
        }

        public TunnelConfig ToConfiguration() => _tunnel with { Peers = [.. _peers] };

        private void TakeTunnel(string key, string value)
        {
            switch (key)
            {
                case "private_key":
                    // A tunnel without a key has one that the daemon makes.
                    _tunnel = _tunnel with { PrivateKey = ReadSecret(value) };
                    break;
                case "listen_port":
                    var wanted = (int)ReadNumber(value, ushort.MaxValue);
                    _tunnel = _tunnel with
                    {
                        NetworkAddress =
                            wanted == _port ? _before.NetworkAddress
                            : wanted == 0 ? HostPort.AnyPort
                            : HostPort.AnyPort.WithPort(wanted),
                    };
                    break;
                case "fwmark":
                    _tunnel = _tunnel with { FirewallMark = ReadNumber(value, uint.MaxValue) };
                    break;
                case "replace_peers" when value == True:
                    _peers.Clear();
                    break;
                default:
                    throw Wrong();
            }
        }

        private void Begin(PublicKey key)
        {
            (_isRemoved, _isSkipped) = (false, false);
            _current = _peers.FindIndex(peer => peer.PublicKey == key);
            if (_current < 0)
            {
                // What is kept beside the protocol, name and ports, also outlasts a replacement of all peers.
                var known = _before.Peers.FirstOrDefault(peer => peer.PublicKey == key);
                _current = _peers.Count;
                _peers.Add(
                    new PeerConfig
                    {
                        Name = known?.Name,
                        PublicKey = key,
                        AllowedPorts = known?.AllowedPorts,
                    }
                );
                _isNew = true;
                return;
            }

            _isNew = false;
        }

        private void TakePeer(string key, string value)
        {
            if (_isRemoved || _isSkipped)
            {
                // What else is said of it counts for nothing, but has to be right.
                Check(key, value);
                return;
            }

            var peer = _peers[_current];
            switch (key)
            {
                case "remove" when value == True:
                    _peers.RemoveAt(_current);
                    _isRemoved = true;
                    return;
                case "update_only" when value == True:
                    if (_isNew)
                    {
                        _peers.RemoveAt(_current);
                        _isSkipped = true;
                    }

                    return;
                case "preshared_key":
                    _peers[_current] = peer with { PresharedKey = ReadSecret(value) };
                    return;
                case "endpoint":
                    _peers[_current] = peer with { Endpoint = ReadEndpoint(value) };
                    return;
                case "persistent_keepalive_interval":
                    var seconds = ReadNumber(value, PeerConfig.MaxPersistentKeepalive);
                    _peers[_current] = peer with { PersistentKeepalive = TimeSpan.FromSeconds(seconds) };
                    return;
                case "replace_allowed_ips" when value == True:
                    _peers[_current] = peer with { AllowedIPs = [] };
                    return;
                case "allowed_ip":
                    Give(ReadNetwork(value));
                    return;
                case "protocol_version" when value == "1":
                    return;
                default:
                    throw Wrong();
            }
        }

        /// <summary>A network is one peer's: it goes over.</summary>
        private void Give(IpPrefix network)
        {
            for (var i = 0; i < _peers.Count; i++)
            {
                var peer = _peers[i];
                var others = peer.AllowedIPs.Where(n => n != network);
                if (i == _current)
                {
                    _peers[i] = peer with { AllowedIPs = [.. others, network] };
                }
                else if (peer.AllowedIPs.Contains(network))
                {
                    _peers[i] = peer with { AllowedIPs = [.. others] };
                }
            }
        }

        private static void Check(string key, string value)
        {
            _ = key switch
            {
                "preshared_key" => ReadSecret(value) is not null,
                "endpoint" => ReadEndpoint(value).Port > 0,
                "persistent_keepalive_interval" => ReadNumber(value, PeerConfig.MaxPersistentKeepalive) > 0,
                "allowed_ip" => ReadNetwork(value).Length > 0,
                "remove" or "update_only" or "replace_allowed_ips" when value == True => true,
                "protocol_version" when value == "1" => true,
                _ => throw Wrong(),
            };
        }

        private static PublicKey ReadKey(string value) => new(ReadBytes(value));

        /// <summary>Null for the key that is all zero, which means none.</summary>
        private static SecretKey? ReadSecret(string value)
        {
            var bytes = ReadBytes(value);
            return bytes.AsSpan().ContainsAnyExcept((byte)0) ? SecretKey.FromBytes(bytes) : null;
        }

        private static byte[] ReadBytes(string value)
        {
            var bytes = new byte[SecretKey.Size];
            return
                value.Length == 2 * SecretKey.Size
                && Convert.FromHexString(value, bytes, out _, out _) == System.Buffers.OperationStatus.Done
                ? bytes
                : throw Wrong();
        }

        private static uint ReadNumber(string value, uint most) =>
            uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
                ? number
                : throw Wrong();

        private static HostPort ReadEndpoint(string value) =>
            HostPort.TryParse(value, out var endpoint, out _) && endpoint.TryGetAddress(out _)
                ? endpoint
                : throw Wrong();

        private static IpPrefix ReadNetwork(string value) =>
            IpPrefix.TryParse(value, out var network, out var hasHostBits, out _) || hasHostBits
                ? network
                : throw Wrong();
    }
}
