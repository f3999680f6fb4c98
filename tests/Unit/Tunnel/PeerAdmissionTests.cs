// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.State;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using static UdpTunnel.Tests.Tunnel.SecureNetwork;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Which peer somebody becomes whom a person lets in.</summary>
public sealed class PeerAdmissionTests
{
    private static readonly TunnelConfig Config =
        ConfigFile
            .Parse(
                """
            {
                "Name": "wg0", "Protocol": "wireguard", "TunnelAddress": ["10.99.0.1/29", "fd99::1/64"],
                "AllowedPorts": "all",
                "Peers": [
                    {"Name": "phone", "PublicKey": "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=", "AllowedIPs": ["10.99.0.2/32"]},
                    {"Name": "exit", "PublicKey": "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=", "AllowedIPs": ["0.0.0.0/0"]},
                ],
            }
            """u8.ToArray(),
                null
            )
            .Configuration as TunnelConfig
        ?? throw new InvalidOperationException();

    [Theory]
    [InlineData("10.99.0.5", "10.99.0.5/32")]
    [InlineData("10.99.0.5 fd99::5", "10.99.0.5/32 fd99::5/128")]
    [InlineData("10.99.0.5 fd00::5", "10.99.0.5/32")]
    [InlineData("10.99.0.2", "10.99.0.3/32 fd99::2/128")]
    [InlineData("10.99.0.1", "10.99.0.3/32 fd99::2/128")]
    [InlineData("10.99.0.0", "10.99.0.3/32 fd99::2/128")]
    [InlineData("10.99.0.7", "10.99.0.3/32 fd99::2/128")]
    [InlineData("192.168.1.5", "10.99.0.3/32 fd99::2/128")]
    [InlineData("", "10.99.0.3/32 fd99::2/128")]
    public void The_address_that_a_peer_uses_becomes_its_own_if_it_is_free_and_else_the_next_free_ones(
        string used,
        string given
    ) => Assert.Equal(given, string.Join(' ', Admit("", "", used).AllowedIPs));

    [Fact]
    public void What_a_person_says_counts_and_is_refused_where_it_is_taken()
    {
        var peer = Admit("laptop", "172.16.0.9", "10.99.0.5");
        Assert.Equal(("laptop", "172.16.0.9/32"), (peer.Name, string.Join(' ', peer.AllowedIPs)));

        Assert.Equal(Fault.NameTaken, Refusal("phone", ""));
        Assert.Equal(Fault.InvalidRequest, Refusal("a name", ""));
        Assert.Equal(Fault.AddressOverlap, Refusal("", "10.99.0.2"));
        Assert.Equal(Fault.AddressOverlap, Refusal("", "10.99.0.1"));
        Assert.Equal(Fault.InvalidRequest, Refusal("", "127.0.0.1"));
    }

    [Fact]
    public void A_tunnel_without_a_network_or_a_free_address_says_so()
    {
        var nothing = Config with { TunnelAddresses = [] };
        Assert.Equal(
            Fault.LimitReached,
            Assert
                .Throws<RequestException>(() =>
                    PeerAdmission.Admit(nothing, PublicOf(NewKey()), new PeerApproval("", []), [])
                )
                .Fault
        );
    }

    [Fact]
    public void A_free_address_is_the_one_that_a_search_one_by_one_finds()
    {
        var random = new Random(5);
        for (var run = 0; run < 500; run++)
        {
            var network = IpPrefix.Of(IPAddress.Parse("10.0.0.0"), random.Next(24, 33));
            var taken = Enumerable
                .Range(0, random.Next(40))
                .Select(_ => IpPrefix.Of(IPAddress.Parse($"10.0.0.{random.Next(256)}"), random.Next(25, 33)))
                .ToList();
            var expected = Enumerable
                .Range(0, 256)
                .Select(i => IPAddress.Parse($"10.0.0.{i}"))
                .FirstOrDefault(a =>
                    FreeAddress.IsHostOf(network, a) && !taken.Exists(t => t.Contains(IpPrefix.Of(a, 32)))
                );

            Assert.Equal(expected, FreeAddress.FirstOf(network, taken));
        }

        Assert.Null(
            FreeAddress.FirstOf(IpPrefix.Of(IPAddress.Parse("fd00::"), 64), [IpPrefix.Of(IPAddress.IPv6Any, 0)])
        );
        Assert.Equal(
            IPAddress.Parse("fd00::1"),
            FreeAddress.FirstOf(IpPrefix.Of(IPAddress.Parse("fd00::"), 64), [IpPrefix.Of(IPAddress.Any, 0)])
        );
    }

    [Theory]
    [InlineData("rHv8", true)]
    [InlineData("rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=", true)]
    [InlineData("laptop", true)]
    [InlineData("192.0.2.7:1", true)]
    [InlineData("10.99.0.7", true)]
    [InlineData("10.99.0.8", true)]
    [InlineData("10.99.0.9", false)]
    [InlineData("lap", false)]
    [InlineData("Hv8", false)]
    [InlineData("", false)]
    public void A_peer_is_meant_by_key_prefix_name_or_address(string text, bool isMeant)
    {
        var peer = new PeerStatus
        {
            Name = "laptop",
            PublicKey = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=",
            Endpoint = "192.0.2.7:1",
            AllowedIps = ["10.99.0.7/32"],
            UsedAddresses = ["10.99.0.8"],
        };
        Assert.Equal(isMeant, new PeerAt("wg0", peer).IsMeantBy(text));
    }

    [Fact]
    public void Admitted_peers_are_there_again_after_a_restart_and_damaged_lines_are_left_out()
    {
        using var directory = new TemporaryState();
        var until = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        AdmittedPeer[] peers =
        [
            new(Peer(NewKey(), null, "10.99.0.2/32", "fd99::2/128") with { Name = "laptop" }),
            new(Peer(NewKey(), null, "10.99.0.3/32"), until),
            new(Peer(NewKey(), null)),
        ];
        new AdmittedPeers(directory.Path).Save("wg0", peers);

        Assert.Equal(peers, new AdmittedPeers(directory.Path).Of("wg0"));
        Assert.Empty(new AdmittedPeers(directory.Path).Of("other"));
        new AdmittedPeers(directory.Path).Save("wg0", []);
        Assert.Empty(new AdmittedPeers(directory.Path).Of("wg0"));

        var line = AdmittedPeers.ToLine(peers[0]).TrimEnd();
        for (var length = 0; length < 45; length++)
        {
            Assert.Null(AdmittedPeers.FromLine(line[..length]));
        }

        Assert.Null(AdmittedPeers.FromLine(line.Replace("10.99", "x", StringComparison.Ordinal)));
    }

    private static Fault Refusal(string name, string asked) =>
        Assert.Throws<RequestException>(() => Admit(name, asked, "")).Fault;

    private static PeerConfig Admit(string name, string asked, string used) =>
        PeerAdmission.Admit(Config, PublicOf(NewKey()), new PeerApproval(name, Addresses(asked)), Addresses(used));

    private static List<IPAddress> Addresses(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPAddress.Parse)];
}

/// <summary>A directory that goes with the test.</summary>
internal sealed class TemporaryState : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("udptunnel-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
