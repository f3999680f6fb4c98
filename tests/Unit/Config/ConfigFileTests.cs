// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class ConfigFileTests
{
    [Fact]
    public void A_server_file_with_the_required_fields_has_the_documented_defaults()
    {
        var config = Sample.Clean<TunnelConfig>(Sample.Server);

        Assert.Equal("config", config.Name);
        Assert.Equal("10.0.0.1/24", config.TunnelAddress.ToString());
        Assert.Equal(":8000", config.NetworkAddress.ToString());
        Assert.True(config.IsServer);
        Assert.Equal<PortSet>([new PortRange(22)], config.AllowedPorts);
        Assert.Null(config.TunnelDevice);
        Assert.Equal(TimeSpan.FromSeconds(25), config.HeartbeatInterval);
        Assert.Equal("", config.PacketMagic);
        Assert.Equal(1300, config.Mtu);
        Assert.False(config.Firewall);
        Assert.Equal(OffloadMode.Auto, config.Offload);
    }

    [Fact]
    public void A_client_file_names_its_server()
    {
        var config = Sample.Clean<TunnelConfig>(Sample.Client);

        Assert.False(config.IsServer);
        Assert.Equal("example.com", config.NetworkAddress.Host);
        Assert.Equal(8000, config.NetworkAddress.Port);
    }

    [Fact]
    public void All_fields_of_a_tunnel_are_read()
    {
        var config = Sample.Clean<TunnelConfig>(
            """
            {
                "Name": "home-2", "TunnelAddress": "172.16.3.9/30", "NetworkAddress": "[fe80::1%eth0]:65535",
                "AllowedPorts": ["8000-8010", 22, "80"], "TunnelDevice": "tun.home", "HeartbeatInterval": 0,
                "PacketMagic": "a \"word\"\n\u00e9\ud83d\ude00/\/", "Mtu": 1456, "Firewall": true, "Offload": "off"
            }
            """
        );

        Assert.Equal("home-2", config.Name);
        Assert.Equal("172.16.3.9/30", config.TunnelAddress.ToString());
        Assert.Equal("fe80::1%eth0", config.NetworkAddress.Host);
        Assert.Equal("22, 80, 8000-8010", config.AllowedPorts.ToString());
        Assert.Equal("tun.home", config.TunnelDevice);
        Assert.Equal(TimeSpan.Zero, config.HeartbeatInterval);
        Assert.Equal("a \"word\"\né😀//", config.PacketMagic);
        Assert.Equal(1456, config.Mtu);
        Assert.True(config.Firewall);
        Assert.Equal(OffloadMode.Off, config.Offload);
    }

    [Fact]
    public void A_relay_file_with_the_required_fields_has_the_documented_defaults()
    {
        var config = Sample.Clean<RelayConfig>(Sample.Receiver);

        Assert.Equal("config", config.Name);
        Assert.Equal(RelayRole.Receiver, config.Relay);
        Assert.Equal(":53", config.UdpAddress.ToString());
        Assert.Equal(":5353", config.TcpAddress.ToString());
        Assert.Equal(RelayProtocol.Tls, config.Protocol);
        Assert.Equal(TimeSpan.FromSeconds(120), config.IdleTimeout);
        Assert.Equal(10_000, config.MaxFlows);
        Assert.Null(config.ReceiverKey);
    }

    [Fact]
    public void All_fields_of_a_relay_are_read()
    {
        var config = Sample.Clean<RelayConfig>(
            $$"""
            {
                "ReceiverKey": "{{Sample.Key}}", "MaxFlows": 65535, "IdleTimeout": 86400, "Protocol": "tls",
                "TcpAddress": "[2001:DB8:0::1]:5353", "UdpAddress": "192.0.2.1:53", "Name": "dns", "Relay": "sender"
            }
            """
        );

        Assert.Equal(RelayRole.Sender, config.Relay);
        Assert.Equal("[2001:db8::1]:5353", config.TcpAddress.ToString());
        Assert.Equal("192.0.2.1:53", config.UdpAddress.ToString());
        Assert.Equal(TimeSpan.FromDays(1), config.IdleTimeout);
        Assert.Equal(65_535, config.MaxFlows);
        Assert.Equal(Sample.Key, config.ReceiverKey?.ToString());
        Assert.Equal("dns", config.Name);
    }

    [Fact]
    public void A_classic_relay_needs_no_key()
    {
        var text = Sample.Sender.Replace("{", """{"Protocol": "classic", """, StringComparison.Ordinal);

        Assert.Equal(RelayProtocol.Classic, Sample.Clean<RelayConfig>(text).Protocol);
    }

    [Fact]
    public void A_receiver_may_bind_one_address_of_its_host()
    {
        var text = Sample
            .Receiver.Replace("\":53\"", "\"0.0.0.0:53\"", StringComparison.Ordinal)
            .Replace("\":5353\"", "\"[::1]:5353\"", StringComparison.Ordinal);

        Assert.Equal("::1", Sample.Clean<RelayConfig>(text).TcpAddress.Host);
    }

    [Fact]
    public void The_name_in_the_file_wins_over_the_name_of_the_file()
    {
        var text = Sample.Server.Replace("{", """{"Name": "home", """, StringComparison.Ordinal);

        Assert.Equal("home", ConfigFile.Parse(Encoding.UTF8.GetBytes(text), "other").Configuration?.Name);
        Assert.Equal("home", ConfigFile.Parse(Encoding.UTF8.GetBytes(text), null).Configuration?.Name);
        Assert.Equal("other", ConfigFile.Parse(Encoding.UTF8.GetBytes(Sample.Server), "other").Configuration?.Name);
    }

    [Fact]
    public void Null_is_the_same_as_no_field()
    {
        var text =
            """
                {
                    "TunnelDevice": null, "HeartbeatInterval": null, "PacketMagic": null, "TunnelPeerAddress": null,
                    "LogFile": null, "Name": null, "Mtu": null, "Firewall": null, "Offload": null,
                """ + Sample.Server[1..];

        Assert.Equal(Sample.Clean<TunnelConfig>(Sample.Server), Sample.Clean<TunnelConfig>(text));
    }

    [Fact]
    public void A_byte_order_mark_is_skipped_and_does_not_shift_columns()
    {
        Assert.Equal(Sample.Clean<TunnelConfig>(Sample.Server), Sample.Clean<TunnelConfig>("\uFEFF" + Sample.Server));
        var mistake = Assert.Single(Sample.Parse("\uFEFF[]").Diagnostics);
        Assert.Equal((1, 1), (mistake.Line, mistake.Column));
    }

    [Fact]
    public void An_mtu_may_follow_the_path_and_begins_with_the_usual_one()
    {
        var config = Sample.Clean<TunnelConfig>(Sample.ServerWith("Mtu", "\"auto\""));

        Assert.Equal((TunnelConfig.AutoMtu, 1300), (config.Mtu, config.FirstMtu));
        Assert.Contains("\"Mtu\": \"auto\"", config.ToJson(), StringComparison.Ordinal);
        Assert.Equal(1420, (config with { Protocol = TunnelProtocol.WireGuard }).FirstMtu);
        Assert.Equal(576, config.LeastMtu);
    }

    [Fact]
    public void Names_match_as_the_predecessors_decoder_matched_them()
    {
        var text =
            "{\"tunneladdress\": \"10.0.0.1\", \"NETWORKADDRESS\": \":8000\", "
            + "\"allowedPort\u017F\": [22], \"Pac\u212AetMagic\": \"m\", \"\\u004dtu\": 1280}";
        var config = Sample.Clean<TunnelConfig>(text);

        Assert.Equal("m", config.PacketMagic);
        Assert.Equal(1280, config.Mtu);
    }

    [Fact]
    public void Columns_count_bytes_and_lines_end_at_line_feeds()
    {
        var text = "{\r\n/* é */ \"Mtu\": 7, " + Sample.Server[1..];

        Assert.Equal(
            ["config.json:2:17: Mtu: 7 is not an MTU (576 to 65520 bytes, or \"auto\")"],
            Sample.Remarks(text)
        );
    }

    [Fact]
    public void The_largest_text_is_read_and_a_larger_one_is_refused_whole()
    {
        var largest = Sample.Server.PadRight(ConfigFile.MaxLength);

        Assert.NotNull(Sample.Parse(largest).Configuration);
        Assert.Equal(
            ["config.json: the text has 2097153 bytes (at most 2097152 are allowed)"],
            Sample.Remarks(largest + " ")
        );
    }

    [Fact]
    public void A_configuration_says_kind_and_name_and_no_secret_when_printed()
    {
        var text = Sample.Server.Replace("{", """{"PacketMagic": "hunter2", """, StringComparison.Ordinal);

        Assert.Equal("tunnel config", $"{Sample.Clean<TunnelConfig>(text)}");
        Assert.Equal("relay config", $"{Sample.Clean<RelayConfig>(Sample.Sender)}");
    }

    [Fact]
    public void The_canonical_text_is_stable()
    {
        var text = Sample
            .Client.Replace("{", """{"TunnelDevice": "tun0", "PacketMagic": "é<", """, StringComparison.Ordinal)
            .Replace("[22]", "[23, 22, \"8000-8010\"]", StringComparison.Ordinal);

        Assert.Equal(
            """
            {
              "Name": "config",
              "TunnelAddress": "10.0.0.2/24",
              "NetworkAddress": "example.com:8000",
              "AllowedPorts": ["22-23", "8000-8010"],
              "TunnelDevice": "tun0",
              "HeartbeatInterval": 25,
              "PacketMagic": "é<",
              "Mtu": 1300,
              "Firewall": false,
              "Offload": "auto"
            }

            """,
            Sample.Clean<TunnelConfig>(text).ToJson()
        );
    }
}
