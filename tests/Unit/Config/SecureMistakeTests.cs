// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Each mistake in the file of a secure tunnel, with the exact place and words.</summary>
public sealed class SecureMistakeTests
{
    private const string Key = "a key is the base64 of 32 bytes, 44 characters of which the last is '='";
    private const string Zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    private const string Of31 = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==";
    private const string NoPort = " is not a port (1 to 65535; names of services are not looked up)";

    /// <summary>Field, value, column within the value, and what is said.</summary>
    public static TheoryData<string, string, int, string> Mistakes =>
        new()
        {
            { "Mtu", "\"Auto\"", 0, "\"Auto\" is not an MTU (576 to 65520 bytes, or \"auto\")" },
            { "Protocol", "\"wg\"", 0, "\"wg\" is neither \"classic\" nor \"wireguard\"" },
            {
                "TunnelAddress",
                "7",
                0,
                "7 is neither an address nor a list of addresses (such as \"10.99.0.1/24\" or [\"10.99.0.1/24\", "
                    + "\"fd00::1/64\"])"
            },
            { "TunnelAddress", "\"10.99.0.1\"", 0, "\"10.99.0.1\" has no prefix length (such as \"10.99.0.1/24\")" },
            { "TunnelAddress", "\"fd00::1\"", 0, "\"fd00::1\" has no prefix length (such as \"fd00::1/64\")" },
            {
                "TunnelAddress",
                "\"fd00::g/64\"",
                0,
                "\"fd00::g/64\" is not an address (such as \"10.99.0.1/24\" or \"fd00::1/64\")"
            },
            { "TunnelAddress", "\"fd00::1/129\"", 0, "\"129\" is not a prefix length (1 to 128)" },
            { "TunnelAddress", "\"10.99.0.1/33\"", 0, "\"33\" is not a prefix length (1 to 32)" },
            {
                "TunnelAddress",
                "\"10.99.0.255/24\"",
                0,
                "\"10.99.0.255/24\" is the broadcast address of its /24 network, which no host can have"
            },
            { "TunnelAddress", "\"ff02::1/64\"", 0, "\"ff02::1/64\" is a multicast address, which no host can have" },
            {
                "TunnelAddress",
                "\"::1/128\"",
                0,
                "\"::1/128\" is a loopback address, which cannot be reached through a tunnel"
            },
            { "TunnelAddress", "\"::/128\"", 0, "\"::/128\" is the unspecified address, which no host can have" },
            {
                "TunnelAddress",
                "\"::ffff:10.0.0.1/128\"",
                0,
                "\"::ffff:10.0.0.1/128\" is an IPv4 address in the form of an IPv6 one: write it as IPv4"
            },
            {
                "NetworkAddress",
                "\"vpn.example.com:51820\"",
                0,
                "\"vpn.example.com:51820\" has a host (here stands the port of this end, such as \":51820\"; where a peer "
                    + "is stands in its Endpoint)"
            },
            {
                "NetworkAddress",
                "\"0.0.0.0:51820\"",
                0,
                "\"0.0.0.0:51820\" has a host (here stands the port of this end, such as \":51820\"; where a peer is "
                    + "stands in its Endpoint)"
            },
            { "NetworkAddress", "\":65536\"", 0, "\"65536\"" + NoPort },
            { "NetworkAddress", "51820", 0, "51820 is not a string" },
            { "AllowedPorts", "\"every\"", 0, "\"every\" is not a list of ports (such as [22, \"8000-8010\"])" },
            { "PrivateKey", "7", 0, "a number is not a key (base64 of 32 bytes, as a string)" },
            { "PrivateKey", "\"\"", 0, $"is empty ({Key})" },
            { "PrivateKey", "\"hunter2\"", 0, $"is not base64, or too long ({Key})" },
            { "PrivateKey", $"\"{Of31}\"", 0, $"is the base64 of 31 bytes ({Key})" },
            { "PrivateKey", $"\"{Zero}\"", 0, "is all zero, which is nobody's key (`wg genkey` makes one)" },
            {
                "PrivateKey",
                $"\"{SecureSample.Private} \"",
                0,
                $"has white space, or bits behind its last byte ({Key})"
            },
            {
                "PrivateKey",
                "\"(hidden)\"",
                0,
                "stands for a key that was not shown (`udptunnelctl config NAME --secrets` shows it)"
            },
            { "UnknownPeers", "\"drop\"", 0, "\"drop\" is neither \"ignore\" nor \"ask\"" },
            { "Routes", "\"on\"", 0, "\"on\" is neither \"auto\" nor \"off\"" },
            { "RouteTable", "0", 0, "0 is not a number of a routing table (1 to 4294967295)" },
            { "RouteTable", "\"main\"", 0, "\"main\" is not a number of a routing table (1 to 4294967295)" },
            { "FirewallMark", "4294967296", 0, "4294967296 is not a mark (0 to 4294967295)" },
            {
                "Peers",
                "{}",
                0,
                "an object is not a list of peers (such as [{\"PublicKey\": \"…\", \"AllowedIPs\": [\"10.99.0.2/32\"]}])"
            },
            {
                "PacketMagic",
                "\"w\"",
                -2,
                "belongs to a classic tunnel; this is a tunnel with \"Protocol\": \"wireguard\""
            },
            {
                "HeartbeatInterval",
                "5",
                -2,
                "belongs to a classic tunnel; this is a tunnel with \"Protocol\": \"wireguard\""
            },
            {
                "AllowedSources",
                "[\"10.0.0.0/8\"]",
                -2,
                "belongs to a classic tunnel; this is a tunnel with \"Protocol\": \"wireguard\" "
                    + "(the AllowedIPs of a peer say where it may send from)"
            },
            { "PublicKey", $"\"{SecureSample.Public}\"", -2, "belongs to an item of Peers; this is a tunnel file" },
            { "UdpAddress", "\":53\"", -2, "belongs to a relay file; this is a tunnel file" },
            { "Peer", "[]", -2, "is not a field; did you mean Peers?" },
        };

    /// <summary>The same of a field of a peer.</summary>
    public static TheoryData<string, string, int, string> MistakesOfPeers =>
        new()
        {
            { "PublicKey", "5", 0, "a number is not a key (base64 of 32 bytes, as a string)" },
            { "PublicKey", $"\"{Of31}\"", 0, $"is the base64 of 31 bytes ({Key})" },
            { "PublicKey", "\"*\"", 0, $"is not base64, or too long ({Key})" },
            { "PublicKey", $"\"{Zero}\"", 0, "is all zero, which is nobody's key (`wg genkey` makes one)" },
            { "PresharedKey", "\"no key\"", 0, $"is not base64, or too long ({Key})" },
            { "PresharedKey", $"\"{Of31}\"", 0, $"is the base64 of 31 bytes ({Key})" },
            {
                "AllowedIPs",
                "\"10.99.0.2/32\"",
                0,
                "\"10.99.0.2/32\" is not a list of networks (such as [\"10.99.0.2/32\"])"
            },
            {
                "Endpoint",
                "\"vpn.example.com\"",
                0,
                "\"vpn.example.com\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            { "Endpoint", "\":51820\"", 0, "\":51820\" has no host to send to (such as \"vpn.example.com:51820\")" },
            {
                "Endpoint",
                "\"[::]:51820\"",
                0,
                "\"[::]:51820\" has no host to send to (such as \"vpn.example.com:51820\")"
            },
            { "Endpoint", "\"vpn.example.com:0\"", 0, "\"0\"" + NoPort },
            { "PersistentKeepalive", "65536", 0, "65536 is not a whole number of seconds (0 to 65535)" },
            { "PersistentKeepalive", "\"off\"", 0, "\"off\" is not a whole number of seconds (0 to 65535)" },
            { "AllowedPorts", "[]", 0, "the list is empty (allow at least one port, such as [22])" },
            { "Name", "\"a b\"", 0, "\"a b\" is not a name (1 to 64 of A-Z a-z 0-9 . _ -; a letter or digit first)" },
            { "Mtu", "1400", -2, "belongs to a tunnel file; this is an item of Peers" },
            { "AllowedIP", "[]", -2, "is not a field; did you mean AllowedIPs?" },
        };

    [Theory]
    [InlineData("TunnelAddress", "[\"10.99.0.1/24\", \"fd00::1/64\"]")]
    [InlineData("Peers", $"[{{\"PublicKey\": \"{SecureSample.Laptop}\", \"AllowedIPs\": [\"fd00::2/128\"]}}]")]
    public void An_mtu_that_IPv6_inside_does_not_allow_is_refused(string field, string json)
    {
        var text = SecureSample.With(field, $"{json}, \"Mtu\": 1279");

        Assert.Contains(
            $"config.json:2:{field.Length + json.Length + 14}: Mtu: 1279 is too small for a tunnel with IPv6 inside "
                + "(at least 1280 bytes)",
            Sample.Remarks(text)
        );
        Assert.Null(Sample.Parse(text).Configuration);
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_answered_with_place_field_value_and_what_is_allowed(
        string field,
        string json,
        int at,
        string message
    )
    {
        var text = SecureSample.With(field, json);

        var column = field.Length + 5 + at - (at < 0 ? field.Length + 2 : 0);
        Assert.Contains($"config.json:2:{column}: {field}: {message}", Sample.Remarks(text));
        Assert.Null(Sample.Parse(text).Configuration);
    }

    [Theory]
    [MemberData(nameof(MistakesOfPeers))]
    public void So_is_a_mistake_in_a_peer(string field, string json, int at, string message)
    {
        var text = SecureSample.WithPeer(field, json);

        var column = "\"Peers\": [{".Length + field.Length + 5 + at - (at < 0 ? field.Length + 2 : 0);
        Assert.Contains($"config.json:2:{column}: Peers[0].{field}: {message}", Sample.Remarks(text));
        Assert.Null(Sample.Parse(text).Configuration);
    }

    [Theory]
    [InlineData("\"10.99.0.2/24\"", "\"10.99.0.2/24\" has bits behind its prefix (\"10.99.0.0/24\" is the network)")]
    [InlineData(
        "\"2001:db8::1/32\"",
        "\"2001:db8::1/32\" has bits behind its prefix (\"2001:db8::/32\" is the network)"
    )]
    [InlineData("\"10.99.0.2/33\"", "\"33\" is not a prefix length (0 to 32)")]
    [InlineData("\"fd00::/129\"", "\"129\" is not a prefix length (0 to 128)")]
    [InlineData("\"laptop\"", "\"laptop\" is not a network (such as \"10.99.0.2/32\" or \"2001:db8::/32\")")]
    [InlineData("7", "7 is not a network (such as \"10.99.0.2/32\")")]
    public void So_is_a_network_that_is_none(string json, string message) =>
        Assert.Contains(
            $"config.json:2:27: Peers[0].AllowedIPs[0]: {message}",
            Sample.Remarks(SecureSample.WithPeer("AllowedIPs", $"[{json}]"))
        );

    [Fact]
    public void What_two_peers_must_not_share_is_found_with_the_place_of_the_other()
    {
        var text = SecureSample.With(
            "Peers",
            $$"""
            [
            {"Name": "a", "PublicKey": "{{SecureSample.Laptop}}", "AllowedIPs": ["10.99.0.2/32", "10.7.0.0/16", "::/0"]},
            {"Name": "a", "PublicKey": "{{SecureSample.Laptop}}", "AllowedIPs": ["10.99.0.2/32", "10.7.1.0/24", "fd00::/64"]}]
            """
        );

        Assert.Equal(
            [
                $"config.json:4:10: Peers[1].Name: is the name of the peer at 3:1 already (each has its own)",
                "config.json:4:28: Peers[1].PublicKey: is the key of the peer at 3:1 already (each has its own; "
                    + "networks of one peer stand in one list)",
                "config.json:4:91: Peers[1].AllowedIPs[0]: 10.99.0.2/32 belongs to the peer at 3:1 already (a "
                    + "network has one peer that its packets go to)",
                "config.json:4:107: warning: Peers[1].AllowedIPs[1]: 10.7.1.0/24 is inside 10.7.0.0/16 of the peer "
                    + "at 3:1: its packets go to this peer, as the longer prefix counts",
            ],
            Sample.Remarks(text)
        );
    }

    [Fact]
    public void A_public_key_in_place_of_the_private_one_is_told_as_far_as_it_can_be_known()
    {
        var ofPeer = SecureSample.Server.Replace(SecureSample.Private, SecureSample.Phone, StringComparison.Ordinal);
        var ofSomebody = SecureSample.Server.Replace(
            SecureSample.Private,
            SecureSample.Public,
            StringComparison.Ordinal
        );

        Assert.Contains(
            "config.json:6:17: PrivateKey: is also the public key of the peer at 9:5 (a private key is this end's, "
                + "and nobody else has it)",
            Sample.Remarks(ofPeer)
        );
        Assert.Equal(
            [
                "config.json:6:17: warning: PrivateKey: has bits that `wg genkey` never sets: is it a public key? "
                    + "(here stands the secret one, that `wg genkey` prints)",
            ],
            Sample.Remarks(ofSomebody)
        );
    }

    [Fact]
    public void This_ends_own_key_among_its_peers_is_found_where_keys_can_be_computed()
    {
        var text = SecureSample.Server.Replace(SecureSample.Phone, SecureSample.Public, StringComparison.Ordinal);

        Assert.Empty(Sample.Remarks(text));
        Assert.Equal(
            "f:9:36: Peers[1].PublicKey: is this end's own public key (here stands the key of the other end)",
            Assert
                .Single(ConfigFile.Parse(Encoding.UTF8.GetBytes(text), "config", SecureSample.PublicKeyOf).Diagnostics)
                .Render("f")
        );
    }

    [Fact]
    public void A_tunnel_that_has_fields_of_the_protocol_and_does_not_name_it_is_told_that_alone() =>
        Assert.Equal(
            ["config.json:1:1: Protocol: is missing (\"wireguard\", for a tunnel that has fields of that protocol)"],
            Sample.Remarks(SecureSample.Server.Replace("\"Protocol\": \"wireguard\",", "", StringComparison.Ordinal))
        );

    [Fact]
    public void A_field_of_the_protocol_in_a_classic_tunnel_is_misplaced() =>
        Assert.Equal(
            [
                "config.json:2:1: RouteTable: belongs to a tunnel with \"Protocol\": \"wireguard\"; this is a classic tunnel",
            ],
            Sample.Remarks(Sample.ServerWith("RouteTable", "7"))
        );

    [Fact]
    public void What_must_be_given_is_asked_for() =>
        Assert.Equal(
            [
                "config.json:1:1: TunnelAddress: is missing (the private addresses of this end, such as \"10.99.0.1/24\"; "
                    + "[] for none)",
                "config.json:1:1: AllowedPorts: is missing (a list of ports, such as [22, \"8000-8010\"], or \"all\")",
                "config.json:1:37: Peers[0].PublicKey: is missing (the peer's key, as `wg pubkey` prints it)",
                "config.json:1:37: warning: Peers[0].AllowedIPs: is empty: nothing is sent to this peer or taken from it "
                    + "(such as [\"10.99.0.2/32\"])",
            ],
            Sample.Remarks("""{"Protocol": "wireguard", "Peers": [{}]}""")
        );

    [Fact]
    public void No_mistake_shows_a_key()
    {
        string[] texts =
        [
            SecureSample.With("PrivateKey", $"[\"{SecureSample.Private}\"]"),
            SecureSample.With("PrivateKey", $"\"{SecureSample.Private}x\""),
            SecureSample.WithPeer("PublicKey", $"\"{SecureSample.Private[1..]}\""),
            SecureSample.WithPeer("PresharedKey", $"\"{SecureSample.Private}\\n\""),
        ];

        Assert.All(texts, text =>
            Assert.DoesNotContain("234PKzlv", string.Concat(Sample.Remarks(text)), StringComparison.Ordinal)
        );
        Assert.All(texts, text => Assert.NotEmpty(Sample.Remarks(text)));
    }

    [Fact]
    public void A_list_of_more_peers_than_there_may_be_is_refused()
    {
        var peers = string.Join(',', Enumerable.Repeat("{}", TunnelConfig.MaxPeers + 1));

        Assert.Contains(
            "the list has 10001 peers (at most 10000 are allowed)",
            string.Concat(Sample.Remarks(SecureSample.With("Peers", $"[{peers}]"))),
            StringComparison.Ordinal
        );
    }
}
