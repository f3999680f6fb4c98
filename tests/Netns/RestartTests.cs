// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>
/// A daemon that ends and starts again: what ran comes back, and connections inside do not notice much.
/// </summary>
public sealed class RestartTests
{
    // It takes well below a second; the rest is for a machine with much else to do.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>A server that had to ask whether its client has moved would lose the first packets.</summary>
    [Fact]
    public async Task A_client_that_comes_up_again_is_where_it_was()
    {
        Assert.SkipUnless(
            File.Exists("/etc/machine-id") && new FileInfo("/etc/machine-id").Length > 1,
            "/etc/machine-id is empty or missing"
        );
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        Assert.Equal(1, await lab.Client.PingAsync("10.0.0.1"));
        var before = (await lab.ServerStatusAsync()).Peer;

        await lab.Client.Control.RunAsync("down", "t");
        await lab.Client.Daemon.UpAsync(lab.ClientFile);

        Assert.Equal(1, await lab.Client.PingAsync("10.0.0.1"));
        Assert.Equal(before, (await lab.ServerStatusAsync()).Peer);
    }

    [Theory]
    [InlineData("server", "SIGTERM")]
    [InlineData("server", "SIGKILL")]
    [InlineData("client", "SIGTERM")]
    [InlineData("client", "SIGKILL")]
    public async Task After_a_restart_tunnel_and_connections_come_back_by_themselves(string end, string signal)
    {
        await using var lab = await Lab.BehindNatAsync();
        await lab.StartTunnelAsync();
        var (restarted, other) = end == "server" ? (lab.Server, lab.Client) : (lab.Client, lab.Server);
        var (address, otherAddress) = end == "server" ? ("10.0.0.1", "10.0.0.2") : ("10.0.0.2", "10.0.0.1");

        // In both, the end that is restarted answers from an allowed port, which only a remembered flow lets it do.
        using var busy = await TcpPair.OpenAsync(other, restarted, address, TunnelFile.Allowed);
        using var idle = await TcpPair.OpenAsync(other, restarted, address, TunnelFile.AlsoAllowed);
        await using var download = new Download(from: busy.Accepted, to: busy.Dialled);
        await TcpPair.SayAsync(idle.Dialled, idle.Accepted);
        await restarted.Daemon.WaitUntilSavedAsync("t", TunnelFile.Allowed);
        await restarted.Daemon.WaitUntilSavedAsync("t", TunnelFile.AlsoAllowed);

        await (signal == "SIGTERM" ? restarted.Daemon.TerminateAsync() : restarted.Daemon.KillAsync());
        Assert.True(await restarted.IsSilentAsync(otherAddress));

        // On a machine that is slow at this moment starting took its time before, too.
        var before = restarted.Daemon.StartTime * 3;
        var limit = before > Limit ? before : Limit;
        var clock = Stopwatch.StartNew();
        var starting = restarted.Daemon.StartAsync();
        await restarted.WaitForPingAsync(otherAddress, limit);
        var outward = clock.Elapsed;
        await other.WaitForPingAsync(address, limit);
        var inward = clock.Elapsed;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{end} after {signal}: out after {outward.TotalMilliseconds:0} ms, in after {inward.TotalMilliseconds:0} ms"
        );
        Assert.True(inward < limit, $"reachable only after {inward}");
        await starting;

        // The end that was restarted speaks first: it must still know that somebody asked.
        await TcpPair.SayAsync(idle.Accepted, idle.Dialled);
        await TcpPair.SayAsync(idle.Dialled, idle.Accepted);
        await download.WaitForMoreAsync();
        await download.FinishAsync();
    }
}
