// SPDX-License-Identifier: BSD-3-Clause

using FsCheck.Fluent;
using UdpTunnel.Config;
using UdpTunnel.Config.WgQuick;

namespace UdpTunnel.Tests.Config;

/// <summary>Files of wg-quick(8) as they are found on hosts.</summary>
public sealed class WgQuickTests
{
    private const string AllPorts =
        "config.json:1:1: warning: AllowedPorts: is not given: peers reach all TCP and UDP ports through the tunnel "
        + "(a line \"AllowedPorts = 22, 443\" under [Interface] allows these alone)";

    private const string NoKey =
        "config.json:1:1: warning: PrivateKey: is not given: the daemon makes one, and its public key belongs in the "
        + "files of the peers";

    /// <summary>Section, line, and remark: place and words.</summary>
    public static TheoryData<string, string, string> Mistakes =>
        new()
        {
            {
                "Interface",
                "PrivateKey = hunter2",
                "3:14: PrivateKey: is not base64, or too long (a key is the base64 of 32 bytes, 44 characters of which the "
                    + "last is '=')"
            },
            {
                "Interface",
                "Address = 10.99.0.1/24, fd00::g/64",
                "3:25: Address: \"fd00::g/64\" is not an address (such as \"10.99.0.1/24\" or \"fd00::1/64\")"
            },
            {
                "Interface",
                "ListenPort = 65536",
                "3:14: ListenPort: \"65536\" is not a port (1 to 65535, or 0 for any)"
            },
            { "Interface", "MTU = 575", "3:7: MTU: \"575\" is not an MTU (576 to 65520 bytes)" },
            {
                "Interface",
                "Address = fd00::1/64\nMTU = 1279",
                "4:7: MTU: 1279 is too small for a tunnel with IPv6 inside (at least 1280 bytes)"
            },
            {
                "Interface",
                "Table = main",
                "3:9: Table: \"main\" is neither off, auto nor the number of a routing table"
            },
            {
                "Interface",
                "FwMark = 0xg",
                "3:10: FwMark: \"0xg\" is not a mark (off, or a number such as 51820 or 0xca6c)"
            },
            {
                "Interface",
                "AllowedPorts = 22, ssh",
                "3:20: AllowedPorts: \"ssh\" is not a port or range of ports (such as 22 or \"8000-8010\"; 1 to 65535)"
            },
            {
                "Interface",
                "AllowedPorts =",
                "3:15: AllowedPorts: the list is empty (allow at least one port, such as 22)"
            },
            {
                "Interface",
                "PreUp = x",
                "3:9: PreUp: is refused: the daemon runs no commands (remove the line, and run it yourself at "
                    + "`udptunnelctl up`)"
            },
            {
                "Interface",
                "PostUp = iptables -A FORWARD -i %i -j ACCEPT",
                "3:10: PostUp: is refused: the daemon runs no commands (remove the line, and run it yourself at "
                    + "`udptunnelctl up`)"
            },
            {
                "Interface",
                "predown = x",
                "3:11: PreDown: is refused: the daemon runs no commands (remove the line, and run it yourself at "
                    + "`udptunnelctl down`)"
            },
            {
                "Interface",
                "PostDown = x",
                "3:12: PostDown: is refused: the daemon runs no commands (remove the line, and run it yourself at "
                    + "`udptunnelctl down`)"
            },
            {
                "Interface",
                "SaveConfig = true",
                "3:14: SaveConfig: is refused: the daemon writes no file that it is given (remove the line; `udptunnelctl "
                    + "config NAME --wg-quick` prints what runs)"
            },
            { "Interface", "Endpoint = a.example:1", "3:1: Endpoint: belongs under [Peer]; this is [Interface]" },
            { "Interface", "Adress = 10.0.0.1", "3:1: Adress: is no key of [Interface]; did you mean Address?" },
            {
                "Interface",
                "Jc = 4",
                "3:1: Jc: is no key of [Interface] (PrivateKey, Address, ListenPort, MTU, Table, FwMark, DNS, "
                    + "AllowedPorts, PreUp, PostUp, PreDown, PostDown, SaveConfig)"
            },
            { "Interface", "  junk # here", "3:3: \"Key = Value\" is expected, or a section such as [Peer]" },
            {
                "Peer",
                "PublicKey = AAAA",
                "3:13: PublicKey: is the base64 of 3 bytes (a key is the base64 of 32 bytes, 44 characters of which the "
                    + "last is '=')"
            },
            {
                "Peer",
                "Endpoint = vpn.example.com",
                "3:12: Endpoint: \"vpn.example.com\" has no port (such as \":8000\" or \"example.com:8000\")"
            },
            {
                "Peer",
                "PersistentKeepalive = 70000",
                "3:23: PersistentKeepalive: \"70000\" is not a whole number of seconds (off, or 0 to 65535)"
            },
            {
                "Peer",
                "AllowedIPs = 10.0.0.0/8, 10.0.0.0/33",
                "3:26: AllowedIPs[1]: \"33\" is not a prefix length (0 to 32)"
            },
            { "Peer", "Address = 10.0.0.1", "3:1: Address: belongs under [Interface]; this is [Peer]" },
            { "Peers", "PublicKey = x", "2:1: [Peers] is no section ([Interface] and [Peer] are)" },
        };

    [Fact]
    public void A_server_s_file_is_read_as_it_is()
    {
        var config = Read(
            $"""
            # the server
            [Interface]
            Address = 10.99.0.1/24, fd00::1/64   # both families
            ListenPort=51820
            PrivateKey = {SecureSample.Private}
            MTU = 1380
            Table = 200
            FwMark = 0xca6c
            SaveConfig = false

            [Peer]
            # a laptop
            PublicKey = {SecureSample.Laptop}
            PresharedKey = {SecureSample.Private}
            AllowedIPs = 10.99.0.2/32
            AllowedIPs = fd00::2/128
            PersistentKeepalive = off

            [peer]
            publickey = {SecureSample.Phone}
            allowedips = 10.99.0.3
            """
        );

        Assert.Equal(("wg0", "wg0", TunnelProtocol.WireGuard), (config.Name, config.TunnelDevice, config.Protocol));
        Assert.Equal("10.99.0.1/24, fd00::1/64", $"{config.TunnelAddresses}");
        Assert.Equal(
            (":51820", 1380, 200U, 0xca6cU),
            ($"{config.NetworkAddress}", config.Mtu, config.RouteTable, config.FirewallMark)
        );
        Assert.Equal(SecureSample.Private, config.PrivateKey?.Reveal());
        Assert.True(config.AllowedPorts.IsAll);
        Assert.Equal([SecureSample.Laptop, SecureSample.Phone], config.Peers.Select(p => $"{p.PublicKey}"));
        Assert.Equal("10.99.0.2/32, fd00::2/128", $"{config.Peers[0].AllowedIPs}");
        Assert.Equal(SecureSample.Private, config.Peers[0].PresharedKey?.Reveal());
        Assert.Equal("10.99.0.3/32", $"{config.Peers[1].AllowedIPs}");
    }

    [Fact]
    public void A_client_s_file_is_read_as_it_is_and_line_ends_of_Windows_do_not_matter()
    {
        var text = $"""
            [Interface]
            PrivateKey = {SecureSample.Private}
            Address = 10.99.0.2
            Table = off
            AllowedPorts = 22, 8000-8010

            [Peer]
            PublicKey = {SecureSample.Public}
            Endpoint = [2001:db8::1]:51820
            AllowedIPs = 0.0.0.0/0, ::/0
            PersistentKeepalive = 25
            AllowedPorts = 443
            """;
        var config = Read(text);

        Assert.Equal(config, Read("\uFEFF" + text.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Equal("10.99.0.2/32", $"{config.TunnelAddresses}");
        Assert.Equal(
            (HostPort.AnyPort, RouteMode.Off, "22, 8000-8010"),
            (config.NetworkAddress, config.Routes, $"{config.AllowedPorts}")
        );
        var peer = Assert.Single(config.Peers);
        Assert.Equal(
            ("[2001:db8::1]:51820", 25D, "443"),
            ($"{peer.Endpoint}", peer.PersistentKeepalive.TotalSeconds, $"{peer.AllowedPorts}")
        );
    }

    [Fact]
    public void Without_AllowedPorts_all_are_allowed_and_that_is_said() =>
        Assert.Equal([AllPorts], Sample.Remarks($"[Interface]\nPrivateKey = {SecureSample.Private}\n"));

    [Fact]
    public void DNS_is_left_to_the_host_and_the_remark_says_how() =>
        Assert.Contains(
            "config.json:2:7: warning: DNS: is not applied: the daemon leaves the name servers of this host alone "
                + "(after `up`: resolvectl dns config 10.99.0.53  lan; resolvectl domain config '~.')",
            Sample.Remarks("[Interface]\nDNS = 10.99.0.53, lan")
        );

    [Fact]
    public void Host_bits_are_cleared_as_wg_clears_them_and_that_is_said()
    {
        var text =
            $"[Interface]\nAllowedPorts = all\nPrivateKey = {SecureSample.Private}\n[Peer]\nPublicKey = {SecureSample.Laptop}\nAllowedIPs = 10.99.0.2/24\n";

        Assert.Equal(
            [
                "config.json:6:14: warning: AllowedIPs[0]: \"10.99.0.2/24\" has bits behind its prefix (\"10.99.0.0/24\" is the network)",
            ],
            Sample.Remarks(text)
        );
        Assert.Equal("10.99.0.0/24", $"{Read(text).Peers[0].AllowedIPs}");
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_answered_with_place_key_value_and_what_is_allowed(
        string section,
        string line,
        string remark
    )
    {
        var text = $"# a file\n[{section}]\n{line}\n";

        Assert.Contains("config.json:" + remark, Sample.Remarks(text));
        Assert.Null(Sample.Parse(text).Configuration);
    }

    [Fact]
    public void What_two_peers_must_not_share_is_found_here_as_well()
    {
        var peer = $"[Peer]\nPublicKey = {SecureSample.Laptop}\nAllowedIPs = 10.99.0.2/32\n";

        Assert.Equal(
            [
                AllPorts,
                "config.json:6:13: PublicKey: is the key of the peer at 2:1 already (each has its own; networks of "
                    + "one peer stand in one list)",
                "config.json:7:14: AllowedIPs[0]: 10.99.0.2/32 belongs to the peer at 2:1 already (a network has one "
                    + "peer that its packets go to)",
            ],
            Sample.Remarks($"[Interface]\n{peer}{peer}").Where(r => r != NoKey)
        );
    }

    [Fact]
    public void A_key_that_is_given_twice_is_told_and_the_last_one_counts()
    {
        var text = $"[Interface]\nAllowedPorts = all\nPrivateKey = {SecureSample.Private}\nMTU = 1300\nmtu = 1400\n";

        Assert.Equal(["config.json:5:1: warning: MTU: is given twice; the last one counts"], Sample.Remarks(text));
        Assert.Equal(1400, Read(text).Mtu);
    }

    [Fact]
    public void A_file_without_a_section_for_this_end_is_none() =>
        Assert.Contains(
            "config.json:1:1: the section [Interface] is missing, which says what this end is",
            Sample.Remarks("# nothing\n")
        );

    [Fact]
    public void A_key_before_any_section_is_misplaced() =>
        Assert.Contains(
            "config.json:1:1: PrivateKey: stands before any section ([Interface] or [Peer])",
            Sample.Remarks("PrivateKey = x\n")
        );

    [Fact]
    public void A_name_that_no_device_can_have_leaves_the_device_to_the_kernel()
    {
        var text = System.Text.Encoding.UTF8.GetBytes("[Interface]\n");

        Assert.Null(
            Assert.IsType<TunnelConfig>(ConfigFile.Parse(text, "a-name-of-more-than-15").Configuration).TunnelDevice
        );
    }

    [Fact]
    public void A_tunnel_that_is_written_as_such_a_file_is_read_as_the_same() =>
        Generated.ForAll(Generated.SecureTunnels, config =>
        {
            var text = WgQuickWriter.Write(config, showSecrets: true);
            var result = ConfigFile.Parse(System.Text.Encoding.UTF8.GetBytes(WithPorts(text)), config.Name);

            Assert.DoesNotContain(result.Diagnostics, d => d.Severity == DiagnosticSeverity.Error);
            var read = Assert.IsType<TunnelConfig>(result.Configuration);

            // What such a file cannot say.
            Assert.Equal(
                config with
                {
                    TunnelDevice = read.TunnelDevice,
                    Firewall = false,
                    Forward = false,
                    Overlap = false,
                    Offload = OffloadMode.Auto,
                    BindAddress = null,
                    BindDevice = null,
                    Dscp = 0,
                    UnknownPeers = UnknownPeers.Ignore,
                    RouteTable = config.Routes == RouteMode.Off ? null : config.RouteTable,
                    Peers = [.. config.Peers.Select(p => p with { Name = null })],
                },
                read
            );
        });

    [Fact]
    public void A_written_file_has_nothing_that_other_programs_refuse_and_shows_keys_only_when_asked()
    {
        var config = Sample.Clean<TunnelConfig>(SecureSample.Server);

        Assert.Equal(
            $"""
            # config
            [Interface]
            PrivateKey = (hidden)
            Address = 10.99.0.1/24
            ListenPort = 51820
            MTU = 1420
            # Without the '#', udptunnelctl reads the next line; other programs refuse it.
            # AllowedPorts = 22

            # laptop
            [Peer]
            PublicKey = {SecureSample.Laptop}
            AllowedIPs = 10.99.0.2/32

            # phone
            [Peer]
            PublicKey = {SecureSample.Phone}
            AllowedIPs = 10.99.0.3/32, fd00::3/128

            """,
            WgQuickWriter.Write(config, showSecrets: false)
        );
    }

    private static string WithPorts(string text) =>
        text.Replace("# AllowedPorts", "AllowedPorts", StringComparison.Ordinal);

    private static TunnelConfig Read(string text)
    {
        var result = ConfigFile.Parse(System.Text.Encoding.UTF8.GetBytes(text), "wg0");
        Assert.DoesNotContain(result.Diagnostics, d => d.Severity == DiagnosticSeverity.Error);
        return Assert.IsType<TunnelConfig>(result.Configuration);
    }
}
