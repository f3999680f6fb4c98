// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using static UdpTunnel.Tests.Tunnel.SecureNetwork;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>The text protocol of a device's control socket.</summary>
public sealed class DeviceProtocolTests
{
    private static readonly SecretKey Own = NewKey();
    private static readonly PeerConfig Laptop = Peer(NewKey(), "192.0.2.7:40000", "10.99.0.2/32", "fd99::2/128") with
    {
        Name = "laptop",
        AllowedPorts = PortSet.Create([new PortRange(22)]),
        PersistentKeepalive = TimeSpan.FromSeconds(25),
        PresharedKey = NewKey(),
    };
    private static readonly PeerConfig Phone = Peer(NewKey(), null, "10.99.0.3/32");

    private static readonly TunnelConfig Config = new()
    {
        Name = "wg0",
        Protocol = TunnelProtocol.WireGuard,
        TunnelAddresses = [],
        NetworkAddress = HostPort.AnyPort.WithPort(51820),
        AllowedPorts = PortSet.All,
        Mtu = 1420,
        PrivateKey = Own,
        Peers = [Laptop, Phone],
    };

    [Fact]
    public void A_look_tells_the_device_and_every_peer_in_the_protocol_s_words()
    {
        var status = new TunnelStatus
        {
            Config = Config,
            State = TunnelState.Running,
            LocalPort = 51820,
            Peers =
            [
                new PeerStatus
                {
                    PublicKey = Laptop.PublicKey.ToString(),
                    Endpoint = "192.0.2.7:40001",
                    LastHandshake = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddTicks(5),
                    WireBytesOut = 7,
                    WireBytesIn = 8,
                },
            ],
        };

        Assert.Equal(
            $"""
            private_key={Hex(Own)}
            listen_port=51820
            public_key={Hex(Laptop.PublicKey)}
            preshared_key={Hex(Laptop.PresharedKey!)}
            protocol_version=1
            endpoint=192.0.2.7:40001
            last_handshake_time_sec=1700000000
            last_handshake_time_nsec=500
            tx_bytes=7
            rx_bytes=8
            persistent_keepalive_interval=25
            allowed_ip=10.99.0.2/32
            allowed_ip=fd99::2/128
            public_key={Hex(Phone.PublicKey)}
            preshared_key={new string('0', 64)}
            protocol_version=1
            last_handshake_time_sec=0
            last_handshake_time_nsec=0
            tx_bytes=0
            rx_bytes=0
            persistent_keepalive_interval=0
            allowed_ip=10.99.0.3/32
            errno=0


            """.ReplaceLineEndings("\n"),
            DeviceProtocol.Describe(Config, status)
        );
    }

    [Fact]
    public void What_a_look_tells_sets_the_same_again_and_keeps_what_the_protocol_does_not_know()
    {
        var told = DeviceProtocol.Describe(
            Config,
            new TunnelStatus
            {
                Config = Config,
                State = TunnelState.Running,
                LocalPort = 51820,
                Peers = [new PeerStatus { PublicKey = Laptop.PublicKey.ToString(), Endpoint = "192.0.2.7:40000" }],
            }
        );
        var lines = told.Split('\n')
            .Where(l => l.Length > 0 && !l.StartsWith("errno", StringComparison.Ordinal))
            .Where(l =>
                !l.Contains("_bytes=", StringComparison.Ordinal) && !l.Contains("handshake", StringComparison.Ordinal)
            )
            .ToList();
        lines.Insert(1, "replace_peers=true");

        Assert.Equal(Config, DeviceProtocol.Apply(Config, 51820, lines));
        Assert.Equal(Config, DeviceProtocol.Apply(Config, 51820, []));
    }

    [Fact]
    public void Peers_are_added_changed_and_removed_and_a_network_goes_over_to_whom_it_is_given()
    {
        var fresh = PublicOf(NewKey());
        var after = Apply(
            $"public_key={Hex(fresh)}",
            "endpoint=[2001:db8::1]:51820",
            "persistent_keepalive_interval=5",
            "allowed_ip=10.99.0.2/32",
            "allowed_ip=10.1.2.3/8",
            $"public_key={Hex(Phone.PublicKey)}",
            "remove=true",
            "allowed_ip=10.99.0.3/32",
            $"public_key={Hex(Laptop.PublicKey)}",
            $"preshared_key={new string('0', 64)}"
        );

        Assert.Equal(2, after.Peers.Count);
        Assert.Equal(("laptop", null), (after.Peers[0].Name, after.Peers[0].PresharedKey));
        Assert.Equal("fd99::2/128", string.Join(' ', after.Peers[0].AllowedIPs));
        Assert.Equal("10.99.0.2/32 10.0.0.0/8", string.Join(' ', after.Peers[1].AllowedIPs));
        Assert.Equal("[2001:db8::1]:51820", after.Peers[1].Endpoint!.ToString());

        var replaced = Apply($"public_key={Hex(Laptop.PublicKey)}", "replace_allowed_ips=true", "allowed_ip=::/0");
        Assert.Equal("::/0", string.Join(' ', replaced.Peers[0].AllowedIPs));
        Assert.Equal(Config, Apply($"public_key={Hex(fresh)}", "update_only=true", "allowed_ip=10.99.0.2/32"));
        Assert.Empty(Apply("replace_peers=true").Peers);
        Assert.Equal(
            (7u, 1),
            (Apply("fwmark=7", "listen_port=1").FirewallMark, Apply("listen_port=1").NetworkAddress.Port)
        );
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("unknown=1")]
    [InlineData("listen_port=65536")]
    [InlineData("listen_port=-1")]
    [InlineData("private_key=00")]
    [InlineData("replace_peers=yes")]
    [InlineData("public_key=zz")]
    [InlineData("allowed_ip=10.0.0.0/8")]
    [InlineData("PEER protocol_version=2")]
    [InlineData("PEER endpoint=host:1")]
    [InlineData("PEER endpoint=192.0.2.1")]
    [InlineData("PEER allowed_ip=10.0.0.0/33")]
    [InlineData("PEER allowed_ip=x")]
    [InlineData("PEER persistent_keepalive_interval=65536")]
    [InlineData("PEER remove=no")]
    [InlineData("PEER listen_port=1")]
    public void A_wrong_line_refuses_the_whole_request(string line)
    {
        var peer = $"public_key={Hex(Laptop.PublicKey)}";
        string[] lines = line.StartsWith("PEER ", StringComparison.Ordinal) ? [peer, line[5..]] : [line];
        Assert.Equal(Errno.Invalid, Assert.Throws<DeviceProtocolException>(() => Apply(lines)).Errno);
        Assert.Equal("errno=-22\n\n", DeviceProtocol.End(Errno.Invalid));
    }

    private static TunnelConfig Apply(params string[] lines) => DeviceProtocol.Apply(Config, 51820, lines);

    private static string Hex(SecretKey key) => Convert.ToHexStringLower(key.Bytes);

    private static string Hex(PublicKey key)
    {
        var bytes = new byte[PublicKey.Size];
        key.CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
