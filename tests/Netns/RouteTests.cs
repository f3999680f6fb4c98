// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>Routes to the device: those of the file, and those that somebody has added.</summary>
public sealed class RouteTests
{
    private const string Behind = "10.77.0.0/24";
    private const string Added = "10.78.0.0/24";

    [Theory]
    [InlineData("TERM")]
    [InlineData("KILL")]
    public async Task Routes_are_there_again_after_a_restart_and_on_a_device_that_was_made_again(string signal)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { Routes = [Behind] });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        var device = (await lab.ClientStatusAsync()).Device;
        Assert.True(await HasAsync(lab, Behind, device));

        await lab.Client.Namespace.IpAsync($"route add {Added} via 10.0.0.1 metric 7");
        if (signal == "KILL")
        {
            // It is seen within 10 s.
            await Task.Delay(TimeSpan.FromSeconds(13), TestContext.Current.CancellationToken);
            await lab.Client.Daemon.KillAsync();
        }
        else
        {
            await lab.Client.Daemon.TerminateAsync();
        }

        await lab.Client.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        device = (await lab.ClientStatusAsync()).Device;
        Assert.True(await HasAsync(lab, Behind, device));
        Assert.True(await HasAsync(lab, Added, device));

        await lab.Client.Namespace.IpAsync($"link del {device}");
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.True(await HasAsync(lab, Behind, device));
        Assert.True(await HasAsync(lab, Added, device));

        // What somebody has removed stays away, and all goes with the tunnel.
        await lab.Client.Namespace.IpAsync($"route del {Added}");
        await lab.Client.Daemon.TerminateAsync();
        await lab.Client.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.False(await HasAsync(lab, Added, device));
        await lab.Client.Control.RunAsync("down", "t");
        Assert.False(await HasAsync(lab, Behind, device));
    }

    [Fact]
    public async Task Routes_change_while_packets_flow_and_one_that_is_taken_is_refused()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { Routes = [Behind] });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        var device = (await lab.ClientStatusAsync()).Device;
        await lab.Client.Namespace.IpAsync($"route add 10.79.0.0/24 dev {Lab.Link}");

        var file = lab.ClientFile with { Routes = [Behind, "10.79.0.0/24"] };
        var refused = await lab.Client.Control.TryRawAsync("reload", "t", lab.Client.Daemon.Write(file));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("there is another route to 10.79.0.0/24", refused.ToString(), StringComparison.Ordinal);
        Assert.True(await HasAsync(lab, Behind, device));

        await lab.Client.Control.RunAsync("reload", "t", lab.Client.Daemon.Write(file with { Routes = [Added] }));
        Assert.True(await HasAsync(lab, Added, device));
        Assert.False(await HasAsync(lab, Behind, device));
        await lab.Client.WaitForPingAsync("10.0.0.1");
    }

    private static async Task<bool> HasAsync(Lab lab, string network, string device) =>
        (await lab.Client.Namespace.RunAsync("ip", "route", "show", network)).Contains(
            device,
            StringComparison.Ordinal
        );
}
