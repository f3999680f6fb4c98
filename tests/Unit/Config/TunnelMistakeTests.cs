// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Each mistake in a tunnel file, with the exact place and words.</summary>
public sealed class TunnelMistakeTests
{
    private const string Ports = "AllowedPorts";
    private const string PortList = " is not a list of ports (such as [22, \"8000-8010\"])";
    private const string NoPortRange = " is not a port or range of ports (such as 22 or \"8000-8010\"; 1 to 65535)";
    private const string NoIPv4Address = " is not an IPv4 address (such as \"10.0.0.1\" or \"10.0.0.1/24\")";
    private const string NoPort = " is not a port (1 to 65535; names of services are not looked up)";
    private const string NoHostName = " is not the name of a host (letters, digits, '-' and '_' between dots)";
    private const string NoIPv6Address = " is not an IPv6 address (such as \"2001:db8::1\")";
    private const string NoDevice = " is not the name of a device (1 to 15 letters, digits, '_', '-' or '.')";
    private const string NoName = " is not a name (1 to 64 of A-Z a-z 0-9 . _ -; a letter or digit first)";

    /// <summary>
    /// Field, value, and remark: place and words, the place relative to the value unless the field tells.
    /// </summary>
    public static TheoryData<string, string, string> Mistakes =>
        new()
        {
            { "TunnelAddress", "10", "2:18: TunnelAddress: 10 is not a string" },
            { "TunnelAddress", "\"\"", "2:18: TunnelAddress: \"\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0\"", "2:18: TunnelAddress: \"10.0.0\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0.01\"", "2:18: TunnelAddress: \"10.0.0.01\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0.256\"", "2:18: TunnelAddress: \"10.0.0.256\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0.1.\"", "2:18: TunnelAddress: \"10.0.0.1.\"" + NoIPv4Address },
            { "TunnelAddress", "\"::1\"", "2:18: TunnelAddress: \"::1\"" + NoIPv4Address },
            { "TunnelAddress", "\" 10.0.0.1\"", "2:18: TunnelAddress: \" 10.0.0.1\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0.1/\"", "2:18: TunnelAddress: \"\" is not a prefix length (1 to 32)" },
            { "TunnelAddress", "\"10.0.0.1/0\"", "2:18: TunnelAddress: \"0\" is not a prefix length (1 to 32)" },
            {
                "TunnelAddress",
                "\"10.0.0.1/255.255.255.0\"",
                "2:18: TunnelAddress: \"255.255.255.0\" is a netmask; write the length of the prefix (/24)"
            },
            {
                "TunnelAddress",
                "\"10.0.0.1/255.0.255.0\"",
                "2:18: TunnelAddress: \"255.0.255.0\" is not a prefix length (1 to 32)"
            },
            { "TunnelAddress", "\"10.0.0.1\u00a0\"", "2:18: TunnelAddress: \"10.0.0.1\\u00a0\"" + NoIPv4Address },
            { "TunnelAddress", "\"10.0.0.1/33\"", "2:18: TunnelAddress: \"33\" is not a prefix length (1 to 32)" },
            {
                "TunnelAddress",
                "\"0.0.0.0\"",
                "2:18: TunnelAddress: \"0.0.0.0\" is in 0.0.0.0/8, which no host can have"
            },
            {
                "TunnelAddress",
                "\"127.0.0.1\"",
                "2:18: TunnelAddress: \"127.0.0.1\" is a loopback address, which cannot be reached through a tunnel"
            },
            {
                "TunnelAddress",
                "\"239.1.2.3\"",
                "2:18: TunnelAddress: \"239.1.2.3\" is a multicast address, which no host can have"
            },
            {
                "TunnelAddress",
                "\"255.255.255.255/32\"",
                "2:18: TunnelAddress: \"255.255.255.255/32\" is the broadcast address, which no host can have"
            },
            {
                "TunnelAddress",
                "\"10.0.0.0\"",
                "2:18: TunnelAddress: \"10.0.0.0\" is the address of its /24 network, which no host can have"
            },
            {
                "TunnelAddress",
                "\"10.0.0.255\"",
                "2:18: TunnelAddress: \"10.0.0.255\" is the broadcast address of its /24 network, which no host can have"
            },
            {
                "TunnelAddress",
                "\"10.0.0.7/30\"",
                "2:18: TunnelAddress: \"10.0.0.7/30\" is the broadcast address of its /30 network, which no host can have"
            },
            { "NetworkAddress", "8000", "2:19: NetworkAddress: 8000 is not a string" },
            {
                "NetworkAddress",
                "\"\"",
                "2:19: NetworkAddress: \"\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            {
                "NetworkAddress",
                "\"8000\"",
                "2:19: NetworkAddress: \"8000\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            {
                "NetworkAddress",
                "\"example.com:\"",
                "2:19: NetworkAddress: \"example.com:\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            {
                "NetworkAddress",
                "\"[::1]\"",
                "2:19: NetworkAddress: \"[::1]\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            {
                "NetworkAddress",
                "\"[::1\"",
                "2:19: NetworkAddress: \"[::1\" has no ']' (such as \"[2001:db8::1]:8000\")"
            },
            {
                "NetworkAddress",
                "\"2001:db8::1:8000\"",
                "2:19: NetworkAddress: \"2001:db8::1:8000\" has too many ':' (IPv6 needs brackets, such as \"[2001:db8::1]:8000\")"
            },
            { "NetworkAddress", "\":0\"", "2:19: NetworkAddress: \"0\"" + NoPort },
            { "NetworkAddress", "\":65536\"", "2:19: NetworkAddress: \"65536\"" + NoPort },
            { "NetworkAddress", "\":08000\"", "2:19: NetworkAddress: \"08000\"" + NoPort },
            { "NetworkAddress", "\"example.com:ssh\"", "2:19: NetworkAddress: \"ssh\"" + NoPort },
            { "NetworkAddress", "\"a space:1\"", "2:19: NetworkAddress: \"a space\"" + NoHostName },
            { "NetworkAddress", "\"-a.example:1\"", "2:19: NetworkAddress: \"-a.example\"" + NoHostName },
            { "NetworkAddress", "\"a..example:1\"", "2:19: NetworkAddress: \"a..example\"" + NoHostName },
            { "NetworkAddress", "\"ex..ämple:1\"", "2:19: NetworkAddress: \"ex..ämple\"" + NoHostName },
            {
                "NetworkAddress",
                "\"https//example.com:1\"",
                "2:19: NetworkAddress: \"https//example.com\"" + NoHostName
            },
            {
                "NetworkAddress",
                "\"192.0.2.256:1\"",
                "2:19: NetworkAddress: \"192.0.2.256\" is not an IPv4 address (such as \"192.0.2.1\")"
            },
            {
                "NetworkAddress",
                "\"0x7f.1:1\"",
                "2:19: NetworkAddress: \"0x7f.1\" is not an IPv4 address (such as \"192.0.2.1\")"
            },
            { "NetworkAddress", "\"[2001:db8::g]:1\"", "2:19: NetworkAddress: \"2001:db8::g\"" + NoIPv6Address },
            { "NetworkAddress", "\"[192.0.2.1]:1\"", "2:19: NetworkAddress: \"192.0.2.1\"" + NoIPv6Address },
            { "NetworkAddress", "\"[]:1\"", "2:19: NetworkAddress: \"\"" + NoIPv6Address },
            {
                "NetworkAddress",
                "\"[fe80::1]:1\"",
                "2:19: NetworkAddress: \"fe80::1\" needs the device that it belongs to (such as \"fe80::1%eth0\")"
            },
            {
                "NetworkAddress",
                "\"[fe80::1%]:1\"",
                "2:19: NetworkAddress: \"fe80::1%\" needs the device that it belongs to (such as \"fe80::1%eth0\")"
            },
            {
                "NetworkAddress",
                "\"[2001:db8::1%eth0]:1\"",
                "2:19: NetworkAddress: \"2001:db8::1%eth0\" cannot have a zone: only link-local addresses (fe80::/10) do"
            },
            {
                "NetworkAddress",
                "\"0.0.0.0:8000\"",
                "2:19: NetworkAddress: \"0.0.0.0:8000\" names no server (a server's own file has \":8000\")"
            },
            {
                "NetworkAddress",
                "\"[::]:8000\"",
                "2:19: NetworkAddress: \"[::]:8000\" names no server (a server's own file has \":8000\")"
            },
            { Ports, "22", "2:17: AllowedPorts: 22" + PortList },
            { Ports, "{\"22\": 1}", "2:17: AllowedPorts: an object" + PortList },
            { Ports, "[]", "2:17: AllowedPorts: the list is empty (allow at least one port, such as [22])" },
            { Ports, "[0]", "2:18: AllowedPorts[0]: 0 is not a port (1 to 65535)" },
            { Ports, "[22, 70000]", "2:22: AllowedPorts[1]: 70000 is not a port (1 to 65535)" },
            { Ports, "[-22]", "2:18: AllowedPorts[0]: -22 is not a port (1 to 65535)" },
            { Ports, "[22.0]", "2:18: AllowedPorts[0]: 22.0 is not a port (1 to 65535)" },
            { Ports, "[2e1]", "2:18: AllowedPorts[0]: 2e1 is not a port (1 to 65535)" },
            { Ports, "[null]", "2:18: AllowedPorts[0]: null is not a port (1 to 65535)" },
            { Ports, "[[22]]", "2:18: AllowedPorts[0]: a list is not a port (1 to 65535)" },
            { Ports, "[\"ssh\"]", "2:18: AllowedPorts[0]: \"ssh\"" + NoPortRange },
            { Ports, "[\"1-\"]", "2:18: AllowedPorts[0]: \"1-\"" + NoPortRange },
            { Ports, "[\"1-2-3\"]", "2:18: AllowedPorts[0]: \"1-2-3\"" + NoPortRange },
            { Ports, "[\"0-5\"]", "2:18: AllowedPorts[0]: \"0-5\"" + NoPortRange },
            { Ports, "[\" 22\"]", "2:18: AllowedPorts[0]: \" 22\"" + NoPortRange },
            {
                Ports,
                "[\"8010-8000\"]",
                "2:18: AllowedPorts[0]: \"8010-8000\" is a range backwards (write \"8000-8010\")"
            },
            { "TunnelDevice", "7", "2:17: TunnelDevice: 7 is not a string" },
            { "TunnelDevice", "\"sixteen-bytes-xx\"", "2:17: TunnelDevice: \"sixteen-bytes-xx\"" + NoDevice },
            { "TunnelDevice", "\"..\"", "2:17: TunnelDevice: \"..\"" + NoDevice },
            { "TunnelDevice", "\"a/b\"", "2:17: TunnelDevice: \"a/b\"" + NoDevice },
            { "TunnelDevice", "\"a b\"", "2:17: TunnelDevice: \"a b\"" + NoDevice },
            { "TunnelDevice", "\"eth0:1\"", "2:17: TunnelDevice: \"eth0:1\"" + NoDevice },
            { "TunnelDevice", "\"tün\"", "2:17: TunnelDevice: \"tün\"" + NoDevice },
            {
                "TunnelDevice",
                "\"tun%d\"",
                "2:17: TunnelDevice: \"tun%d\" is a pattern, not a name (leave the field out to let the kernel choose)"
            },
            {
                "TunnelDevice",
                "\"all\"",
                "2:17: TunnelDevice: \"all\" is not the name of a device: the kernel reserves it"
            },
            { "HeartbeatInterval", "-1", "2:22: HeartbeatInterval: -1 is not a whole number of seconds (0 to 86400)" },
            {
                "HeartbeatInterval",
                "1.5",
                "2:22: HeartbeatInterval: 1.5 is not a whole number of seconds (0 to 86400)"
            },
            {
                "HeartbeatInterval",
                "86401",
                "2:22: HeartbeatInterval: 86401 is not a whole number of seconds (0 to 86400)"
            },
            {
                "HeartbeatInterval",
                "\"30s\"",
                "2:22: HeartbeatInterval: \"30s\" is not a whole number of seconds (0 to 86400)"
            },
            { "PacketMagic", "1234567", "2:16: PacketMagic: a number is not a string" },
            { "PacketMagic", "[\"hunter2\"]", "2:16: PacketMagic: a list is not a string" },
            { "LogFile", "false", "2:12: LogFile: false is not a string" },
            { "TunnelPeerAddress", "1", "2:22: TunnelPeerAddress: 1 is not a string" },
            { "Name", "\"\"", "2:9: Name: \"\"" + NoName },
            { "Name", "\"../etc\"", "2:9: Name: \"../etc\"" + NoName },
            { "Name", "\"a/b\"", "2:9: Name: \"a/b\"" + NoName },
            { "Name", "\"a\\nb\"", "2:9: Name: \"a\\u000ab\"" + NoName },
            { "Name", "\"\\u001b[31m\"", "2:9: Name: \"\\u001b[31m\"" + NoName },
            { "Mtu", "575", "2:8: Mtu: 575 is not an MTU (576 to 65520 bytes, or \"auto\")" },
            { "Mtu", "65521", "2:8: Mtu: 65521 is not an MTU (576 to 65520 bytes, or \"auto\")" },
            { "Mtu", "true", "2:8: Mtu: true is not an MTU (576 to 65520 bytes, or \"auto\")" },
            { "Firewall", "1", "2:13: Firewall: 1 is neither true nor false" },
            { "Offload", "\"on\"", "2:12: Offload: \"on\" is neither \"auto\" nor \"off\"" },
            { "Offload", "\"Auto\"", "2:12: Offload: \"Auto\" is neither \"auto\" nor \"off\"" },
            { "Protocol", "\"tls\"", "2:13: Protocol: \"tls\" is neither \"classic\" nor \"wireguard\"" },
        };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_answered_with_place_field_value_and_what_is_allowed(
        string field,
        string json,
        string remark
    )
    {
        var text = Sample.ServerWith(field, json);

        Assert.Equal(["config.json:" + remark], Sample.Remarks(text));
        Assert.Null(Sample.Parse(text).Configuration);
    }

    [Theory]
    [InlineData(
        "\"10.0.0.0/24\"",
        "2:19: AllowedSources: \"10.0.0.0/24\" is not a list of networks (such as [\"10.0.0.0/24\"])"
    )]
    [InlineData("[]", "2:19: AllowedSources: the list is empty (leave the field out to allow all networks)")]
    [InlineData("[7]", "2:20: AllowedSources[0]: 7 is not a network (such as \"10.0.0.0/24\")")]
    [InlineData(
        "[\"10.0.0.1/24\"]",
        "2:20: AllowedSources[0]: \"10.0.0.1/24\" has bits behind its prefix (\"10.0.0.0/24\" is the network)"
    )]
    [InlineData("[\"10.0.0.0/33\"]", "2:20: AllowedSources[0]: \"33\" is not a prefix length (0 to 32)")]
    [InlineData(
        "[\"::/0\"]",
        "2:20: AllowedSources[0]: \"::/0\" is not an IPv4 network (such as \"10.0.0.0/24\" or \"10.0.0.1\")"
    )]
    public void A_mistake_in_a_list_of_networks_is_answered_likewise(string json, string remark) =>
        Assert.Equal(["config.json:" + remark], Sample.Remarks(Sample.ServerWith("AllowedSources", json)));

    [Fact]
    public void More_networks_than_are_looked_at_for_a_packet_are_a_mistake() =>
        Assert.Contains(
            "257 networks (at most 256 are allowed)",
            Assert.Single(
                Sample.Remarks(
                    Sample.ServerWith("AllowedSources", $"[{string.Join(',', Enumerable.Repeat("\"10.0.0.1\"", 257))}]")
                )
            ),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("\"\"", "is empty")]
    [InlineData("\"the same word at both ends\"", "is the word of an example")]
    [InlineData("\"Change Me\"", "is the word of an example")]
    [InlineData("\"3cce35f267e1936f\"", "is the word of an example")]
    public void A_word_that_keeps_nobody_out_gives_a_warning_that_does_not_show_it(string json, string what)
    {
        var remark = Assert.Single(Sample.Remarks(Sample.ServerWith("PacketMagic", json)));

        Assert.StartsWith($"config.json:2:16: warning: PacketMagic: {what}: ", remark, StringComparison.Ordinal);
        Assert.DoesNotContain("change", remark, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("3cce", remark, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_a_word_is_told_so() =>
        Assert.StartsWith(
            "config.json:1:1: warning: PacketMagic: is empty",
            Assert.Single(Sample.Remarks(Sample.Server)),
            StringComparison.Ordinal
        );

    [Fact]
    public void To_forward_past_a_firewall_that_is_not_there_gives_a_warning() =>
        Assert.Equal(
            ["config.json:2:12: warning: Forward: has no effect without \"Firewall\": true"],
            Sample.Remarks(Sample.ServerWith("Forward", "true"))
        );

    [Fact]
    public void All_mistakes_are_reported_in_the_order_of_the_text()
    {
        const string Text = """
            {
              "NetworkAddress": "example.com",
              "AllowedPorts": [0, "9-1", 22],
              "Mtu": 100,
              "Mtu": 1300,
              "Colour": "red",
            }
            """;

        Assert.Equal(
            [
                "config.json:1:1: TunnelAddress: is missing (the private IPv4 address of this end, such as \"10.0.0.1\")",
                "config.json:2:21: NetworkAddress: \"example.com\" has no port (such as \":8000\" or \"example.com:8000\")",
                "config.json:3:20: AllowedPorts[0]: 0 is not a port (1 to 65535)",
                "config.json:3:23: AllowedPorts[1]: \"9-1\" is a range backwards (write \"1-9\")",
                "config.json:4:10: Mtu: 100 is not an MTU (576 to 65520 bytes, or \"auto\")",
                "config.json:5:3: Mtu: is given twice; the first is at 4:3",
                "config.json:6:3: Colour: is not a field of a tunnel file (Name, Protocol, TunnelAddress, NetworkAddress, "
                    + "AllowedPorts, AllowedSources, AllowedDestinations, TunnelDevice, HeartbeatInterval, PacketMagic, Mtu, "
                    + "Firewall, Forward, Overlap and 12 more)",
            ],
            Sample.Remarks(Text)
        );
    }

    /// <summary>The example of docs/configuration.md.</summary>
    [Fact]
    public void The_example_in_the_reference_is_what_users_see()
    {
        const string Text = """
            {
                "TunnelAddress": "10.0.0.0",
                "AllowedPorts": [
                         22, 70000],
                "AllowedPort": [22],
                "MaxFlows": 1,
                "TunnelAddress": "10.0.0.1",
                "LogFile": "/var/log/udptunnel.log",
                "Mtu": 1500,
            }
            """;

        Assert.Equal(
            [
                "config.json:1:1: NetworkAddress: is missing (\":8000\" for a server, \"example.com:8000\" for a client)",
                "config.json:2:22: TunnelAddress: \"10.0.0.0\" is the address of its /24 network, which no host can have",
                "config.json:4:18: AllowedPorts[1]: 70000 is not a port (1 to 65535)",
                "config.json:5:5: AllowedPort: is not a field; did you mean AllowedPorts?",
                "config.json:6:5: MaxFlows: belongs to a relay file; this is a tunnel file",
                "config.json:7:5: TunnelAddress: is given twice; the first is at 2:5",
                "config.json:8:16: warning: LogFile: has no effect: "
                    + "the daemon logs to standard error and never opens a path that a file names",
                "config.json:9:12: warning: Mtu: packets over 1456 bytes do not fit links with an MTU of 1500",
            ],
            Sample.Remarks(Text)
        );
    }

    [Fact]
    public void An_empty_object_lacks_all_required_fields() =>
        Assert.Equal(
            [
                "config.json:1:1: TunnelAddress: is missing (the private IPv4 address of this end, such as \"10.0.0.1\")",
                "config.json:1:1: NetworkAddress: is missing (\":8000\" for a server, \"example.com:8000\" for a client)",
                "config.json:1:1: AllowedPorts: is missing (a list of ports, such as [22, \"8000-8010\"])",
            ],
            Sample.Remarks("{}")
        );

    [Fact]
    public void Null_does_not_satisfy_a_required_field() =>
        Assert.Equal(
            ["config.json:1:1: AllowedPorts: is missing (a list of ports, such as [22, \"8000-8010\"])"],
            Sample.Remarks(Sample.ServerWith(Ports, "null"))
        );

    [Fact]
    public void A_field_in_two_spellings_is_given_twice() =>
        Assert.Equal(
            ["config.json:1:14: Mtu: is given twice; the first is at 1:2"],
            Sample.Remarks("{\"Mtu\": 1300,\"mtu\": 1300," + Sample.Server[1..])
        );

    [Theory]
    [InlineData("1456", null)]
    [InlineData("1457", "packets over 1456 bytes do not fit links with an MTU of 1500")]
    [InlineData("65491", "packets over 1456 bytes do not fit links with an MTU of 1500")]
    [InlineData("65492", "packets over 65491 bytes do not fit a UDP datagram over IPv4")]
    [InlineData("65520", "packets over 65491 bytes do not fit a UDP datagram over IPv4")]
    public void A_large_MTU_is_accepted_with_a_warning(string mtu, string? warning)
    {
        var text = Sample.ServerWith("Mtu", mtu);

        Assert.Equal(warning is null ? [] : [$"config.json:2:8: warning: Mtu: {warning}"], Sample.Remarks(text));
        Assert.NotNull(Sample.Parse(text).Configuration);
    }

    [Fact]
    public void A_port_that_is_listed_twice_is_accepted_with_a_warning()
    {
        var text = Sample.ServerWith(Ports, "[22, \"20-30\", 25, 22]");

        Assert.Equal(
            [
                "config.json:2:22: warning: AllowedPorts[1]: port 22 is allowed by AllowedPorts[0] already",
                "config.json:2:31: warning: AllowedPorts[2]: port 25 is allowed by AllowedPorts[1] already",
                "config.json:2:35: warning: AllowedPorts[3]: port 22 is allowed by AllowedPorts[0] already",
            ],
            Sample.Remarks(text)
        );
        var config = Assert.IsType<TunnelConfig>(Sample.Parse(text).Configuration);
        Assert.Equal("20-30", config.AllowedPorts.ToString());
    }

    [Fact]
    public void A_magic_of_the_longest_length_is_accepted_and_a_longer_one_is_not()
    {
        var longest = new string('é', TunnelConfig.MaxPacketMagicLength / 2);

        Assert.Empty(Sample.Remarks(Sample.ServerWith("PacketMagic", $"\"{longest}\"")));
        Assert.Equal(
            ["config.json:2:16: PacketMagic: the word is too long (at most 65536 bytes)"],
            Sample.Remarks(Sample.ServerWith("PacketMagic", $"\"{longest}x\""))
        );
    }
}
