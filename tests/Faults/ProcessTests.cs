// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>A daemon is held, or killed for want of memory. SIGKILL and SIGTERM are in Netns.RestartTests.</summary>
public sealed class ProcessTests
{
    [Theory]
    [InlineData("client")]
    [InlineData("server")]
    public async Task A_daemon_that_is_held_for_some_seconds_goes_on_where_it_was(string end)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        await download.WaitForMoreAsync();
        var held = end == "client" ? lab.Client : lab.Server;

        await held.Daemon.SignalAsync("STOP");

        // The signal is sent, and each thread stops when it next looks: a packet that it has begun with still passes.
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.True(await lab.Client.IsSilentAsync("10.0.0.1", count: 10));
        await held.Daemon.SignalAsync("CONT");

        await download.WaitForMoreAsync();
        await download.FinishAsync();
        Assert.Equal("running", (await held.Control.StatusAsync("t")).State);
    }

    [Fact]
    public async Task A_daemon_that_is_killed_for_want_of_memory_comes_back_with_its_tunnels()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
        await lab.Server.Daemon.WaitUntilSavedAsync("t", TunnelFile.Allowed);

        // Nothing that it does not have already. Half a MiB lasted it for hundreds of answers, which took too long on a
        // busy machine.
        using (var limit = new MemoryLimit(0))
        {
            limit.Add(lab.Server.Daemon.Id);
            await WaitFor.TrueAsync(
                async () =>
                {
                    await lab.Server.Control.TryRawAsync("status");
                    return !lab.Server.Daemon.IsRunning;
                },
                "the kernel to kill the daemon"
            );
        }

        await lab.Server.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);
        await TcpPair.SayAsync(connection.Dialled, connection.Accepted);
    }
}
