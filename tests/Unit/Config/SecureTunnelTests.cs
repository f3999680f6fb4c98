// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class SecureTunnelTests
{
    [Fact]
    public void With_IPv6_inside_an_mtu_below_1280_is_a_mistake() =>
        Assert.Contains(
            "config.json:1:9: Mtu: 1279 is too small for a tunnel with IPv6 inside (at least 1280 bytes)",
            Sample.Remarks("{\"Mtu\": 1279," + SecureSample.Server[1..])
        );

    [Fact]
    public void A_server_has_what_its_file_says_and_defaults()
    {
        var config = Sample.Clean<TunnelConfig>(SecureSample.Server);

        Assert.Equal(TunnelProtocol.WireGuard, config.Protocol);
        Assert.Equal("10.99.0.1/24", $"{config.TunnelAddresses}");
        Assert.Equal(":51820", $"{config.NetworkAddress}");
        Assert.Equal(SecureSample.Private, config.PrivateKey?.Reveal());
        Assert.Equal((1420, RouteMode.Auto, UnknownPeers.Ignore), (config.Mtu, config.Routes, config.UnknownPeers));
        Assert.Equal(["laptop", "phone"], config.Peers.Select(p => p.DisplayName));
        Assert.Equal(SecureSample.Phone, $"{config.Peers[1].PublicKey}");
        Assert.Equal("10.99.0.3/32, fd00::3/128", $"{config.Peers[1].AllowedIPs}");
        Assert.Equal(
            (null, null, TimeSpan.Zero, null),
            (
                config.Peers[1].Endpoint,
                config.Peers[1].PresharedKey,
                config.Peers[1].PersistentKeepalive,
                config.Peers[1].AllowedPorts
            )
        );
        Assert.False(config.IsServer);
    }

    [Fact]
    public void A_client_needs_neither_port_nor_key_and_takes_both_families()
    {
        var config = Sample.Clean<TunnelConfig>(
            $$"""
            {
              "Protocol": "wireguard", "TunnelAddress": ["10.99.0.2/32", "fd00::2/128"], "AllowedPorts": "all", "NetworkAddress": ":0",
              "Mtu": 1280, "Routes": "off", "FirewallMark": 51820,
              "Peers": [{
                "PublicKey": "{{SecureSample.Public}}", "PresharedKey": "{{SecureSample.Private}}", "AllowedIPs": ["0.0.0.0/0", "::/0"],
                "Endpoint": "vpn.example.com:51820", "PersistentKeepalive": 25, "AllowedPorts": [22],
              }],
            }
            """
        );

        Assert.Equal("10.99.0.2/32, fd00::2/128", $"{config.TunnelAddresses}");
        Assert.Same(HostPort.AnyPort, config.NetworkAddress);
        Assert.Null(config.PrivateKey);
        Assert.True(config.AllowedPorts.IsAll);
        var peer = Assert.Single(config.Peers);
        Assert.Equal("ZX68P+CF", peer.DisplayName);
        Assert.Equal("vpn.example.com:51820", $"{peer.Endpoint}");
        Assert.Equal((TimeSpan.FromSeconds(25), "22"), (peer.PersistentKeepalive, $"{peer.AllowedPorts}"));
    }

    [Fact]
    public void A_tunnel_may_leave_its_addresses_to_somebody_else_and_have_no_peers_yet()
    {
        var config = Sample.Clean<TunnelConfig>(
            """{"Protocol": "wireguard", "TunnelAddress": [], "AllowedPorts": [22]}"""
        );

        Assert.Empty(config.TunnelAddresses);
        Assert.Empty(config.Peers);
    }

    [Fact]
    public void The_canonical_text_is_stable_and_hides_secrets_when_asked_to()
    {
        var config = Sample.Clean<TunnelConfig>(SecureSample.Server);

        Assert.Equal(
            $$"""
            {
              "Name": "config",
              "Protocol": "wireguard",
              "TunnelAddress": "10.99.0.1/24",
              "NetworkAddress": ":51820",
              "AllowedPorts": [22],
              "Mtu": 1420,
              "Firewall": false,
              "Offload": "auto",
              "PrivateKey": "(hidden)",
              "UnknownPeers": "ignore",
              "Routes": "auto",
              "Peers": [
                {
                  "Name": "laptop",
                  "PublicKey": "{{SecureSample.Laptop}}",
                  "AllowedIPs": ["10.99.0.2/32"]
                },
                {
                  "Name": "phone",
                  "PublicKey": "{{SecureSample.Phone}}",
                  "AllowedIPs": ["10.99.0.3/32", "fd00::3/128"]
                }
              ]
            }

            """,
            config.ToJson(showSecrets: false)
        );
        Assert.Equal(config, Sample.Clean<TunnelConfig>(config.ToJson()));
    }

    [Fact]
    public void No_text_of_a_configuration_or_a_comparison_shows_a_secret_unasked() =>
        Generated.ForAll(Generated.SecureTunnels, config =>
        {
            var after = config with
            {
                PrivateKey = null,
                Peers = [.. config.Peers.Select(p => p with { PresharedKey = null })],
            };
            var shown =
                config.ToJson(showSecrets: false)
                + config
                + string.Concat(ConfigDiff.Between(config, after))
                + string.Concat(config.Peers);
            var secrets = config.Peers.Select(p => p.PresharedKey).Append(config.PrivateKey).OfType<SecretKey>();
            Assert.All(secrets, secret => Assert.DoesNotContain(secret.Reveal(), shown, StringComparison.Ordinal));
        });

    [Fact]
    public void One_key_for_another_is_a_change_while_packets_flow()
    {
        var before = Sample.Clean<TunnelConfig>(SecureSample.Server);
        var after = before with
        {
            PrivateKey = SecretKey.FromBytes([.. Enumerable.Repeat((byte)0x48, SecretKey.Size)]),
        };

        Assert.Equal(
            [new FieldChange("PrivateKey", "(hidden)", "(hidden)", ChangeEffect.Live)],
            ConfigDiff.Between(before, after)
        );
    }

    [Fact]
    public void Each_change_of_a_peer_is_told_and_applied_while_packets_flow()
    {
        var before = Sample.Clean<TunnelConfig>(SecureSample.Server);
        var after = before with
        {
            NetworkAddress = HostPort.AnyPort,
            PrivateKey = null,
            Peers =
            [
                before.Peers[1] with
                {
                    PresharedKey = before.PrivateKey,
                    PersistentKeepalive = TimeSpan.FromSeconds(25),
                },
                before.Peers[0] with
                {
                    Name = null,
                    PublicKey = new PublicKey(before.PrivateKey!.Bytes),
                },
            ],
        };

        Assert.Equal(
            [
                new FieldChange("NetworkAddress", ":51820", "(chosen by the kernel)", ChangeEffect.Restart),
                new FieldChange("PrivateKey", "(hidden)", "(made and kept by the daemon)", ChangeEffect.Restart),
                new FieldChange(
                    "Peers[laptop]",
                    $"key {SecureSample.Laptop}; AllowedIPs 10.99.0.2/32",
                    "(none)",
                    ChangeEffect.Live
                ),
                new FieldChange(
                    "Peers[phone]",
                    "PersistentKeepalive never; PresharedKey (none)",
                    "PersistentKeepalive 25 s; PresharedKey (hidden)",
                    ChangeEffect.Live
                ),
                new FieldChange(
                    "Peers[SP234PKz]",
                    "(none)",
                    $"key {SecureSample.Private}; AllowedIPs 10.99.0.2/32",
                    ChangeEffect.Live
                ),
            ],
            ConfigDiff.Between(before, after)
        );
    }

    [Fact]
    public void A_thousand_changed_peers_are_told_in_a_hundred_and_one_lines()
    {
        var before = Sample.Clean<TunnelConfig>(SecureSample.Server);
        var many = Enumerable
            .Range(1, 1000)
            .Select(i =>
                before.Peers[0] with
                {
                    Name = $"p{i}",
                    PublicKey = new PublicKey([.. BitConverter.GetBytes(i), .. new byte[28]]),
                    AllowedIPs = [],
                }
            );

        var changes = ConfigDiff.Between(before, before with { Peers = [.. many] });

        Assert.Equal(101, changes.Count);
        Assert.Equal("1000 peers; 902 more of them are new, gone or changed", changes[^1].After);
    }

    [Fact]
    public void Ten_thousand_peers_fit_a_file()
    {
        var peers = Enumerable
            .Range(1, TunnelConfig.MaxPeers)
            .Select(i => new PeerConfig
            {
                Name = $"laptop-{i}",
                PublicKey = new PublicKey([.. BitConverter.GetBytes(i), .. new byte[28]]),
                AllowedIPs = [IpPrefix.Of(false, (0x0A000000UL | (uint)i) << 32, 0, 32)],
            });
        var largest = Sample.Clean<TunnelConfig>(SecureSample.Server) with { Peers = [.. peers] };

        Assert.Equal(largest, Sample.Clean<TunnelConfig>(largest.ToJson()));
    }

    [Fact]
    public void What_does_not_fit_when_it_is_stored_is_refused_at_once()
    {
        var peers = Enumerable
            .Range(1, 9_900)
            .Select(i =>
                $"{{\"PublicKey\":\"{new PublicKey([.. BitConverter.GetBytes(i), .. new byte[28]])}\",\"Endpoint\":\"{new string('a', 63)}.{new string('b', 44)}:1\",\"AllowedIPs\":[]}}"
            );
        var text =
            $$"""{"Protocol":"wireguard","TunnelAddress":[],"AllowedPorts":"all","Peers":[{{string.Join(',', peers)}}]}""";

        Assert.InRange(Encoding.UTF8.GetByteCount(text), 1, ConfigFile.MaxLength);
        Assert.Contains(
            "Peers: with all defaults written out the text is longer than 2097152 bytes",
            string.Concat(Sample.Remarks(text)),
            StringComparison.Ordinal
        );
    }
}
