// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>More than one tunnel, and more than one daemon.</summary>
public sealed class SeveralTunnelsTests
{
    [Fact]
    public async Task Two_tunnels_of_one_daemon_do_not_touch_each_other()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(both: file => file with { PacketMagic = "one" });
        await lab.Server.Daemon.UpAsync(Second(lab.ServerFile, "10.1.0.1", ":8001"));
        await lab.Client.Daemon.UpAsync(Second(lab.ClientFile, "10.1.0.2", "192.0.2.1:8001"));
        await lab.Client.WaitForPingAsync("10.1.0.1");
        Assert.Equal(["second", "t"], await lab.Server.Control.TunnelsAsync());

        var before = await lab.ServerStatusAsync();
        Assert.Equal(7, await lab.Client.PingAsync("10.1.0.1", count: 7));
        Assert.Equal(before.Counter("packetsIn"), (await lab.ServerStatusAsync()).Counter("packetsIn"));

        // The one that stops takes nothing of the other with it.
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await lab.Server.Control.RunAsync("down", "second");
        Assert.Equal(["t"], await lab.Server.Control.TunnelsAsync());
        Assert.True(await lab.Client.IsSilentAsync("10.1.0.1"));
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
    }

    [Fact]
    public async Task Daemons_with_different_sockets_run_side_by_side_in_one_namespace()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var another = lab.Server.AddDaemon();
        var anotherClient = lab.Client.AddDaemon();
        await Task.WhenAll(another.StartAsync(), anotherClient.StartAsync());
        await another.UpAsync(Second(lab.ServerFile, "10.1.0.1", ":8001"));
        await anotherClient.UpAsync(Second(lab.ClientFile, "10.1.0.2", "192.0.2.1:8001"));

        await lab.Client.WaitForPingAsync("10.1.0.1");
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal(["t"], await lab.Server.Control.TunnelsAsync());
        Assert.Equal(["second"], await another.Control.TunnelsAsync());

        // A second daemon at the same socket would take it away from the first.
        var intruder = await lab.Server.Namespace.TryAsync(
            Programs.Daemon,
            "--socket",
            another.SocketPath,
            "--state-dir",
            $"{another.StateDirectory}-2",
            "--config-dir",
            another.ConfigDirectory
        );
        Assert.Equal(1, intruder.ExitCode);
        Assert.Contains("another udptunneld answers", intruder.Error, StringComparison.Ordinal);

        await another.KillAsync();
        Assert.True(await lab.Client.IsSilentAsync("10.1.0.1"));
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
    }

    [Fact]
    public async Task A_second_daemon_leaves_the_first_ones_files_alone_and_says_so_until_the_first_has_ended()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var first = lab.Server.Daemon;
        var files = Directory.CreateDirectory(Path.Combine(first.ConfigDirectory, "tunnels.d"));
        File.WriteAllText(Path.Combine(files.FullName, "t.json"), lab.ServerFile.ToJson());
        await first.StartAsync();
        await lab.Client.Daemon.StartAsync();
        await lab.Client.Daemon.UpAsync(lab.ClientFile);
        await lab.Client.WaitForPingAsync("10.0.0.1");

        // Another path to the same directory.
        var second = lab.Server.AddDaemon();
        Directory.CreateSymbolicLink(second.ConfigDirectory, first.ConfigDirectory);
        await second.StartAsync();

        Assert.Empty(await second.Control.TunnelsAsync());
        Assert.Contains($"another udptunneld (process {first.Id})", second.Log, StringComparison.Ordinal);
        var found = (await second.Control.TryRawAsync("doctor")).Output;
        Assert.Contains($"(process {first.Id}): none is started here", found, StringComparison.Ordinal);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));

        await first.KillAsync();
        await second.Control.RunAsync("reload", "--all");
        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(10));
        Assert.Equal(["t"], await second.Control.TunnelsAsync());
    }

    private static TunnelFile Second(TunnelFile first, string tunnelAddress, string networkAddress) =>
        first with
        {
            Name = "second",
            TunnelAddress = tunnelAddress,
            NetworkAddress = networkAddress,
            PacketMagic = "two",
        };
}
