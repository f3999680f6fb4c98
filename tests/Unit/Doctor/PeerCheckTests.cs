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

    public static TheoryData<string, string> Reasons => new()
    {
        { nameof(DropReason.WrongKey), "handshakes came for another public key than this end's" },
        { nameof(DropReason.UnknownPeer), "handshakes came with a key that is no peer's" },
        { nameof(DropReason.UnderLoad), "so many handshakes come" },
    };

    public static TheoryData<string, string> ReasonsOfPeers => new()
    {
        { nameof(DropReason.HandshakeReplayed), "its clock was set back" },
        { nameof(DropReason.NotAuthentic), "the preshared keys of both ends differ" },
    };

    [Theory]
    [MemberData(nameof(Reasons))]
    public void The_reason_is_what_was_dropped_of_handshakes(string reason, string why)
    {
        var tunnel = Running(new PeerStatus { Name = "laptop", State = PeerState.Waiting }) with
        {
            Drops = [(Enum.Parse<DropReason>(reason), Direction.In, 3)],
        };

        var finding = Only(tunnel);
        Assert.Equal(CheckResult.Warning, finding.Result);
        Assert.Contains($"no handshake with laptop came about: {why}", finding.Message, StringComparison.Ordinal);
        Assert.NotEmpty(finding.Remedy);
    }

    [Theory]
    [MemberData(nameof(ReasonsOfPeers))]
    public void Or_what_was_dropped_of_the_peer(string reason, string why) => Assert.Contains(
        why,
        Only(Running(new PeerStatus { Name = "laptop", Drops = [(Enum.Parse<DropReason>(reason), 1)] })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Where_nothing_arrives_it_depends_on_who_can_call_whom()
    {
        var waits = Only(Running(new PeerStatus { Name = "laptop" }));
        var calls = Only(Running(new PeerStatus { Name = "server", State = PeerState.Unreachable, Endpoint = "192.0.2.1:51820" }));

        Assert.Contains("it has no Endpoint by which it could be called", waits.Message, StringComparison.Ordinal);
        Assert.Contains("nothing comes back from 192.0.2.1:51820", calls.Message, StringComparison.Ordinal);
        Assert.Equal(CheckResult.Failure, calls.Result);
    }

    [Fact]
    public void A_peer_that_is_there_is_well() => Assert.Equal(
        "laptop is connected, the last handshake 42 s ago",
        Only(Running(new PeerStatus
        {
            Name = "laptop", State = PeerState.Connected, LastHandshake = DateTimeOffset.UtcNow.AddSeconds(-42.2),
        })).Message);

    [Fact]
    public void An_address_that_both_ends_have_is_found()
    {
        var peer = Server.Peers[0] with { AllowedIPs = [IpPrefix.Of(System.Net.IPAddress.Parse("10.99.0.1"), 32)] };
        var tunnel = Running(new PeerStatus { Name = "laptop", State = PeerState.Connected });

        var finding = Only(tunnel with { Config = Server with { Peers = [peer] } });
        Assert.Equal(("peer_addresses", CheckResult.Failure), (finding.Id, finding.Result));
        Assert.StartsWith("10.99.0.1 is this end's own address", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_thousand_peers_that_never_came_a_few_are_named()
    {
        var peers = Enumerable.Range(0, 1000).Select(i => new PeerStatus { Name = $"p{i}" }).ToArray();

        var findings = new PeerCheck(TimeProvider.System).Run(new Patient([Running(peers)], [])).ToList();
        Assert.Equal(21, findings.Count);
        Assert.Equal("and 980 more like these", findings[^1].Message);
    }

    [Fact]
    public void Of_a_classic_tunnel_nothing_is_said() => Assert.Empty(new PeerCheck(TimeProvider.System).Run(new Patient(
        [new TunnelStatus { Config = Sample.Clean<TunnelConfig>(Sample.Server), State = TunnelState.Running }], [])));

    private static TunnelStatus Running(params PeerStatus[] peers) =>
        new() { Config = Server, State = TunnelState.Running, LocalPort = 51820, Peers = peers };

    private static Finding Only(TunnelStatus tunnel) =>
        Assert.Single(new PeerCheck(TimeProvider.System).Run(new Patient([tunnel], [])));
}
