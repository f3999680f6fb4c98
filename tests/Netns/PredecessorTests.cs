// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>The original program at the other end, in both roles.</summary>
public sealed class PredecessorTests
{
    private const int NotAllowed = 6001;
    private const int FileLength = 8 << 20;

    [Theory]
    [InlineData("server", null)]
    [InlineData("server", "tea ☕")]
    [InlineData("client", null)]
    [InlineData("client", "tea ☕")]
    public async Task The_original_program_at_the_other_end_pings_transfers_and_refuses(string itsRole, string? magic)
    {
        Predecessor.Require();
        await using var lab = await Lab.TwoHostsAsync();
        var (its, ours) = itsRole == "server" ? (lab.Server, lab.Client) : (lab.Client, lab.Server);
        var (itsFile, ourFile) =
            itsRole == "server" ? (lab.ServerFile, lab.ClientFile) : (lab.ClientFile, lab.ServerFile);
        using var predecessor = await Predecessor.StartAsync(its, itsFile with { PacketMagic = magic });
        await ours.Daemon.StartAsync();
        await ours.Daemon.UpAsync(ourFile with { PacketMagic = magic });

        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal(10, await lab.Client.PingAsync("10.0.0.1", count: 10));
        Assert.Equal(10, await lab.Server.PingAsync("10.0.0.2", count: 10, size: 1300 - 28));
        await Transfer.BothWaysAsync(lab, FileLength);
        using (var fromServer = await TcpPair.OpenAsync(lab.Server, lab.Client, "10.0.0.2"))
        {
            await Transfer.RunAsync(fromServer.Dialled, fromServer.Accepted, FileLength);
        }

        Assert.False(await TcpPair.CanOpenAsync(ours, its, itsFile.Address, NotAllowed));
        Assert.False(await TcpPair.CanOpenAsync(its, ours, ourFile.Address, NotAllowed));
        var status = await ours.Control.StatusAsync("t");
        Assert.Equal("running", status.State);
        Assert.Equal(0, status.AllDrops - status.Drops("port", "out"));
    }

    [Fact]
    public async Task Different_magic_keeps_both_apart()
    {
        Predecessor.Require();
        await using var lab = await Lab.TwoHostsAsync();
        using var predecessor = await Predecessor.StartAsync(lab.Server, lab.ServerFile with { PacketMagic = "tea" });
        await lab.Client.Daemon.StartAsync();
        await lab.Client.Daemon.UpAsync(lab.ClientFile with { PacketMagic = "coffee" });

        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 3));
        await WaitFor.TrueAsync(
            () => predecessor.Log.Contains("invalid packet from remote address", StringComparison.Ordinal),
            "its complaint"
        );
    }

    [Fact]
    public async Task Heartbeats_of_the_original_client_move_our_peer()
    {
        Predecessor.Require();
        await using var lab = await Lab.BehindNatAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        using var predecessor = await Predecessor.StartAsync(lab.Client, lab.ClientFile);

        // It says nothing but heartbeats.
        var adopted = await lab.Server.Control.WaitForAsync("t", s => s.Counter("heartbeatsIn") > 0, "a heartbeat");
        Assert.Equal("192.0.2.2", IPEndPoint.Parse(adopted.Peer!).Address.ToString());
        Assert.Equal(3, await lab.Server.PingAsync("10.0.0.2", count: 3));

        await lab.RebindAsync(50_000);

        await lab.Server.WaitForPingAsync("10.0.0.2");
        await lab.Server.Control.WaitForEventAsync("peer_moved");
        Assert.InRange(IPEndPoint.Parse((await lab.ServerStatusAsync()).Peer!).Port, 50_000, 50_999);
    }

    [Fact]
    public async Task Our_heartbeats_move_the_peer_of_the_original_server()
    {
        Predecessor.Require();
        await using var lab = await Lab.BehindNatAsync();
        using var predecessor = await Predecessor.StartAsync(lab.Server, lab.ServerFile);
        await lab.Client.Daemon.StartAsync();
        await lab.Client.Daemon.UpAsync(lab.ClientFile);
        await lab.Server.WaitForPingAsync("10.0.0.2");

        await lab.RebindAsync(50_000);

        await lab.Server.WaitForPingAsync("10.0.0.2");
    }
}
