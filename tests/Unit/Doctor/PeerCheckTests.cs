// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Doctor;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Doctor;

/// <summary>What is said where no handshake comes about.</summary>
public sealed class PeerCheckTests
{
    private static readonly TunnelConfig Server = Sample.Clean<TunnelConfig>(SecureSample.Server);

    public static TheoryData<string, string> Reasons =>
        new()
        {
            { nameof(DropReason.WrongKey), "3 handshakes were for another public key than this end's" },
            { nameof(DropReason.UnknownPeer), "3 handshakes came with a key that is no peer's" },
            { nameof(DropReason.UnderLoad), "3 handshakes came in so short a time" },
            { nameof(DropReason.NoRoute), "3 packets went to addresses that are among no peer's" },
        };

    public static TheoryData<string, string> ReasonsOfPeers =>
        new() { { nameof(DropReason.WrongSource), "sent 1 packets from addresses that are not among its" } };

    [Theory]
    [MemberData(nameof(Reasons))]
    public void The_reason_is_what_was_dropped(string reason, string why) =>
        Assert.Contains(
            Findings(
                Running(Heard with { State = PeerState.Waiting }) with
                {
                    Drops = [(Enum.Parse<DropReason>(reason), Direction.In, 3)],
                }
            ),
            f =>
                f.Message.StartsWith(why, StringComparison.Ordinal)
                && f.Remedy.Length > 0
                && f.Result == CheckResult.Warning
        );

    [Theory]
    [MemberData(nameof(ReasonsOfPeers))]
    public void Or_what_was_dropped_of_the_peer(string reason, string why) =>
        Assert.Contains(
            Findings(Running(Heard with { State = PeerState.Idle, Drops = [(Enum.Parse<DropReason>(reason), 1)] })),
            f => f.Message.Contains(why, StringComparison.Ordinal)
        );

    [Fact]
    public void What_a_peer_shows_of_its_end_is_said_also_while_it_is_connected()
    {
        var hour = TimeSpan.FromHours(3);
        foreach (
            var (signs, why) in (IEnumerable<(PeerSigns, string)>)
                [
                    (new PeerSigns { Unverified = 1 }, "does not verify: probably the preshared keys"),
                    (new PeerSigns { Answered = 3 }, "was answered 3 handshakes and does not go on"),
                    (new PeerSigns { StaleBy = hour }, "a time 3 hours before its last one, and gets no answer"),
                    (new PeerSigns { ClockAhead = hour }, "a time 3 hours ahead of this host's"),
                    (new PeerSigns { ClockAhead = -hour }, "a time 3 hours behind this host's"),
                    (new PeerSigns { LongestPacket = 1421 }, "packets of 1421 bytes, and \"Mtu\" is 1420 here"),
                ]
        )
        {
            var finding = Assert.Single(Findings(Running(Heard with { Signs = signs })));
            Assert.Contains(why, finding.Message, StringComparison.Ordinal);
            Assert.NotEmpty(finding.Remedy);
        }
    }

    [Fact]
    public void What_any_peer_may_show_is_no_finding() =>
        Assert.Equal(
            CheckResult.Ok,
            Assert
                .Single(
                    Findings(
                        Running(
                            Heard with
                            {
                                Signs = new PeerSigns
                                {
                                    Answered = 2,
                                    StaleBy = TimeSpan.FromSeconds(1),
                                    ClockAhead = TimeSpan.FromSeconds(-40),
                                    LongestPacket = 1420,
                                },
                            }
                        )
                    )
                )
                .Result
        );

    [Fact]
    public void A_source_that_is_this_ends_own_is_named_and_one_that_was_given_since_is_not()
    {
        var peer = Heard with { Drops = [(DropReason.WrongSource, 1)], AllowedIps = ["10.99.0.7/32"] };

        Assert.Contains(
            "sends from 10.99.0.1, which is this end's own address",
            Assert.Single(Findings(Running(From(peer, "10.99.0.1")))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "the last from 10.99.0.8",
            Assert.Single(Findings(Running(From(peer, "10.99.0.8")))).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(CheckResult.Ok, Assert.Single(Findings(Running(From(peer, "10.99.0.7")))).Result);
    }

    private static PeerStatus From(PeerStatus peer, string source) =>
        peer with
        {
            Signs = new PeerSigns { ForeignSources = [System.Net.IPAddress.Parse(source)] },
        };

    [Fact]
    public void Where_nothing_arrives_it_depends_on_who_can_call_whom()
    {
        Assert.Contains(
            "none has an \"Endpoint\" by which it could be called: they have to call UDP port 51820",
            Assert.Single(Findings(Running(new PeerStatus { Name = "laptop" }))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            Findings(
                Running(
                    new PeerStatus
                    {
                        Name = "server",
                        State = PeerState.Unreachable,
                        Endpoint = "192.0.2.1:51820",
                    }
                )
            ),
            f => f.Message.Contains("does not answer handshakes at 192.0.2.1:51820", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Peers_that_are_there_are_well()
    {
        var finding = Assert.Single(Findings(Running(Heard, Heard with { Name = "phone", State = PeerState.Idle })));

        Assert.Equal((CheckResult.Ok, "1 of 2 peers is connected"), (finding.Result, finding.Message));
    }

    [Fact]
    public void An_address_that_both_ends_have_is_found()
    {
        var peer = Server.Peers[0] with { AllowedIPs = [IpPrefix.Of(System.Net.IPAddress.Parse("10.99.0.1"), 32)] };

        Assert.StartsWith(
            "10.99.0.1 is this end's own address",
            Assert.Single(Findings(Running(Heard) with { Config = Server with { Peers = [peer] } })).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_network_inside_another_peers_is_found_and_one_inside_a_default_route_is_not()
    {
        var peers = new[] { "0.0.0.0/0", "10.1.0.0/16", "10.1.2.0/24" }.Select(
            (network, i) =>
                Server.Peers[0] with
                {
                    Name = $"p{i}",
                    AllowedIPs = IpPrefix.TryParse(network, out var prefix, out _, out var error)
                        ? [prefix]
                        : throw new ArgumentException(error),
                }
        );

        Assert.StartsWith(
            "10.1.2.0/24 of the peer p2 is inside 10.1.0.0/16 of the peer p1",
            Assert.Single(Findings(Running(Heard) with { Config = Server with { Peers = [.. peers] } })).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Of_a_thousand_peers_with_faults_a_few_are_named() =>
        Assert.InRange(
            Findings(
                Running([
                    .. Enumerable
                        .Range(0, 1000)
                        .Select(i => new PeerStatus { Name = $"p{i}", State = PeerState.Unreachable }),
                ])
            ).Count,
            2,
            20
        );

    [Fact]
    public void Of_a_classic_tunnel_nothing_is_said() =>
        Assert.Empty(
            Findings(
                new TunnelStatus { Config = Sample.Clean<TunnelConfig>(Sample.Server), State = TunnelState.Running }
            )
        );

    private static PeerStatus Heard =>
        new()
        {
            Name = "laptop",
            State = PeerState.Connected,
            LastHeard = DateTimeOffset.UnixEpoch,
        };

    private static TunnelStatus Running(params PeerStatus[] peers) =>
        new()
        {
            Config = Server,
            State = TunnelState.Running,
            LocalPort = 51820,
            Peers = peers,
        };

    private static List<Finding> Findings(TunnelStatus tunnel) => [.. new PeerCheck().Run(new Patient([tunnel], []))];
}
