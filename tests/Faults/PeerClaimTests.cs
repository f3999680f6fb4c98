// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>What a stranger can do to a tunnel's server with one datagram that it has seen.</summary>
public sealed class PeerClaimTests
{
    private const string Magic = "tea";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_replayed_datagram_moves_no_peer_that_answers(bool heartbeat)
    {
        await using var lab = await Lab.TwoHostsAsync();

        // The client says nothing by itself: only that its host answers keeps its place.
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = Magic, HeartbeatInterval = 0 });
        using var stranger = new Replay(
            lab.Client,
            lab.Server,
            heartbeat ? Replay.Heartbeat(Magic) : Replay.Ping(Magic, "10.0.0.2", "10.0.0.77")
        );
        for (var i = 0; i < 50; i++)
        {
            stranger.Send();
            await Task.Delay(40, TestContext.Current.CancellationToken);
        }

        var told = await lab.Server.Control.WaitForEventAsync("peer_claimed");
        Assert.Equal("warning", told.Level);
        Assert.Contains($":{stranger.Port} ", told.Message, StringComparison.Ordinal);
        Assert.Equal(5, await lab.Server.PingAsync("10.0.0.2", count: 5));
        Assert.Equal(0, (await lab.ServerStatusAsync()).Counter("peerChanges"));
        Assert.False(stranger.HasHeard);
        Assert.Single(await lab.Server.Control.EventsAsync(), e => e.Kind == "peer_claimed");
    }

    [Fact]
    public async Task A_flood_of_replayed_datagrams_takes_nothing_from_a_transfer()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = Magic });
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        using var stranger = new Replay(lab.Client, lab.Server, Replay.Heartbeat(Magic));
        for (var i = 0; i < 200; i++)
        {
            for (var burst = 0; burst < 50; burst++)
            {
                stranger.Send();
            }

            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        await download.WaitForMoreAsync();
        await download.FinishAsync();
        Assert.Equal(0, (await lab.ServerStatusAsync()).Counter("peerChanges"));
        Assert.False(stranger.HasHeard);
    }

    [Fact]
    public async Task A_client_that_was_away_takes_its_place_back_with_its_next_datagram()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = Magic });
        var before = await lab.ServerStatusAsync();
        using var stranger = new Replay(lab.Client, lab.Server, Replay.Heartbeat(Magic));

        // The server asks its new peer first, and an answer that is under way would refuse the claim.
        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(5));
        await Task.Delay(500, TestContext.Current.CancellationToken);

        await lab.Client.Daemon.SignalAsync("STOP");
        stranger.Send();
        var clock = Stopwatch.StartNew();
        await lab.Server.Control.WaitForAsync(
            "t",
            s => IPEndPoint.Parse(s.Peer!).Port == stranger.Port,
            "the stranger to be taken for the peer"
        );

        // 0.3 s in which the known peer may answer, and up to a second until somebody looks, where no other datagram
        // comes.
        TestContext.Current.TestOutputHelper?.WriteLine($"displaced after {clock.Elapsed.TotalSeconds:0.0} s");
        var moved = await lab.Server.Control.WaitForEventAsync("peer_moved");
        Assert.Contains($":{stranger.Port}", moved.Message, StringComparison.Ordinal);
        await lab.Client.Daemon.SignalAsync("CONT");

        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(5));
        Assert.Equal(before.Peer, (await lab.ServerStatusAsync()).Peer);
        await WaitFor.TrueAsync(
            async () => (await lab.Server.Control.EventsAsync()).Count(e => e.Kind == "peer_moved") == 2,
            "the move back to be told"
        );
    }

    [Fact]
    public async Task A_client_that_roams_while_idle_is_followed_by_its_one_heartbeat()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { HeartbeatInterval = 4 });

        await lab.Client.Namespace.IpAsync(
            $"addr del 192.0.2.2/24 dev {Lab.Link}\naddr add 192.0.2.77/24 dev {Lab.Link}\n"
        );
        var before = (await lab.ServerStatusAsync()).Counter("heartbeatsIn");

        // The next heartbeat is a claim, which nobody refuses; the one after it is not needed.
        var status = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.Peer!.StartsWith("192.0.2.77:", StringComparison.Ordinal),
            "the client to be followed"
        );
        Assert.InRange(status.Counter("heartbeatsIn") - before, 0, 1);
        await lab.Server.WaitForPingAsync("10.0.0.2");
    }
}
