// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Live.Top;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>Peers that wait for approval: shown, let in and sent away with the words that senders have.</summary>
public sealed class PendingPeerTests
{
    private static readonly TunnelPeer Stranger = new()
    {
        Tunnel = "wg0",
        Name = "ZX68P+CF",
        PublicKey = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=",
        State = PeerState.Pending,
        Endpoint = "192.0.2.9:40112",
        UsedAddresses = { "10.99.0.9" },
        Since = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(-2)),
    };

    [Fact]
    public async Task Who_waits_is_shown_with_the_command_that_lets_it_in()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ListTunnelPeers = _ =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { Stranger, Samples.Laptop() }, Total = 2 });
        var tunnel = Samples.Server();
        tunnel.PendingPeers.Add(Stranger);
        server.Daemon.Has(tunnel);

        var peers = (await CommandRun.OfAsync(server, "peers")).Output.ToString();
        Assert.StartsWith($"{Stranger.PublicKey}: pending\n", peers, StringComparison.Ordinal);
        Assert.Contains("  uses      10.99.0.9\n", peers, StringComparison.Ordinal);
        Assert.Contains("udptunnelctl approve KEY", peers, StringComparison.Ordinal);

        var status = (await CommandRun.OfAsync(server, "status")).Output.ToString();
        Assert.Contains("1 peer waits for approval:\n", status, StringComparison.Ordinal);
        Assert.Contains($"udptunnelctl approve {Stranger.PublicKey}\n", status, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_approval_says_which_address_the_peer_has_now_and_whether_it_has_to_be_set_there()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ListTunnelPeers = _ => Task.FromResult(new ListTunnelPeersResponse { Peers = { Stranger } });
        server.Daemon.ListSenders = _ =>
            Task.FromResult(new ListSendersResponse { Senders = { RelaySamples.Sender() } });
        server.Daemon.ApprovePeer = request =>
        {
            var peer = Stranger.Clone();
            peer.State = PeerState.Connected;
            peer.AllowedIps.Add(request.Name == "a" ? "10.99.0.9/32" : "10.99.0.2/32");
            return Task.FromResult(new ApprovePeerResponse { Peers = { peer } });
        };

        var own = await CommandRun.OfAsync(server, "approve", "ZX68", "--name", "a", "--once");
        Assert.Contains("10.99.0.9, which it uses already\n", own.Output.ToString(), StringComparison.Ordinal);
        var other = await CommandRun.OfAsync(server, "approve", "ZX68");
        Assert.Contains("set it at the peer, which uses 10.99.0.9", other.Output.ToString(), StringComparison.Ordinal);

        var requests = server.Daemon.Requests.OfType<ApprovePeerRequest>().ToList();
        Assert.Equal([("a", true), ("", false)], requests.Select(r => (r.Name, r.Once)));
        Assert.Empty(server.Daemon.Requests.OfType<ApproveSenderRequest>());
    }

    [Fact]
    public async Task A_text_that_means_a_sender_and_a_peer_decides_about_neither()
    {
        await using var server = await FakeServer.StartAsync();
        var sender = RelaySamples.Sender();
        server.Daemon.ListTunnelPeers = _ => Task.FromResult(new ListTunnelPeersResponse { Peers = { Stranger } });
        server.Daemon.ListSenders = _ => Task.FromResult(new ListSendersResponse { Senders = { sender } });

        var run = await CommandRun.OfAsync(server, "deny", sender.Address);

        Assert.Equal(2, run.ExitCode);
        Assert.DoesNotContain(server.Daemon.Requests, r => r is DenyPeerRequest or DenySenderRequest);
        Assert.Contains("--tunnel", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, (await CommandRun.OfAsync(server, "deny", "x", "--relay", "a", "--tunnel", "b")).ExitCode);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, "NO_SUCH_PEER", 5)]
    [InlineData(StatusCode.InvalidArgument, "AMBIGUOUS_PEER", 2)]
    [InlineData(StatusCode.FailedPrecondition, "PEER_NOT_PENDING", 1)]
    public async Task A_peer_that_cannot_be_revoked_is_told_with_what_to_do(
        StatusCode code,
        string reason,
        int exitCode
    )
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.RevokePeer = _ => throw FakeDaemon.Error(code, reason, "it is so");

        var run = await CommandRun.OfAsync(server, "revoke", "laptop", "--tunnel", "wg0");

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains("'udptunnelctl peers'", run.Error.ToString().Replace('\n', ' '), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ping_tells_each_round_trip_and_ends_with_6_if_no_answer_came()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.List = _ => Task.FromResult(new ListTunnelsResponse());
        server.Daemon.Ping = _ =>
            Task.FromResult(
                new PingPeerResponse
                {
                    Peer = Samples.Laptop(),
                    Address = "10.99.0.2",
                    Dropped = DropReason.NoRoute,
                    Mtu = 1420,
                }
            );

        var run = await CommandRun.OfAsync(server, "ping", "laptop", "--count", "1");

        Assert.Equal(6, run.ExitCode);
        Assert.StartsWith("10.99.0.2 (laptop): dropped here: ", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "1 sent, 0 answered, 100 % lost; MTU 1420, of the path not known",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal(2, (await CommandRun.OfAsync(server, "ping", "laptop", "--count", "0")).ExitCode);
    }

    [Fact]
    public async Task A_ping_of_a_classic_tunnel_says_what_to_do_instead()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var run = await CommandRun.OfAsync(server, "ping", "home");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("home is a classic tunnel", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("TunnelAddress", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ping_tells_what_the_path_carries_also_if_that_is_only_known_behind_the_answer()
    {
        await using var server = await FakeServer.StartAsync();
        var before = Samples.Laptop();
        before.PathMtu = before.PacketMtu = 0;
        var after = Samples.Laptop();
        (after.PathMtu, after.PacketMtu) = (1480, 1420);
        server.Daemon.List = _ => Task.FromResult(new ListTunnelsResponse());
        server.Daemon.Ping = _ =>
            Task.FromResult(
                new PingPeerResponse
                {
                    Peer = before,
                    Address = "10.99.0.2",
                    RoundTrip = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(1)),
                    Mtu = 1420,
                }
            );
        server.Daemon.ListTunnelPeers = request =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { request.Tunnel == after.Tunnel ? [after] : [] } });

        var run = await CommandRun.OfAsync(server, "ping", "laptop", "--count", "1");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(
            "MTU 1420, of the path 1480, packets up to 1420",
            run.Output.ToString().Replace("\n", " ", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Top_has_a_row_for_a_peer_that_waits_and_asks_about_it()
    {
        var tunnel = Samples.Server();
        tunnel.PendingPeers.Add(Stranger);
        var state = new TopState
        {
            Live = TopData.Empty.With(new UdpTunnel.Cli.Commands.Inventory([tunnel], []), Samples.Now),
        };

        Assert.Equal(Stranger.PublicKey, state.Rows()[^1].Name);
        var (asked, _, _) = TopKeys.Press(
            state with
            {
                Selected = state.Rows()[^1].Key,
            },
            UdpTunnel.Cli.Live.KeyPress.Of('a')
        );
        Assert.Equal(new Decision(new Waiting(null, Stranger), Approve: true), asked.Question);
    }
}
