// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>What a daemon leaves when it ends, and what it finds when it starts.</summary>
public sealed class ShutdownTests
{
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_daemon_that_is_asked_to_end_leaves_no_device_socket_or_table_and_brings_all_back_later(
        string signal
    )
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(server: file => file with { TunnelDevice = "tunnel0", Firewall = true });
        var daemon = lab.Server.Daemon;
        await daemon.Control.RunAsync(
            "up",
            daemon.Write(
                lab.ServerFile with
                {
                    Name = "passing",
                    TunnelDevice = "passing0",
                    TunnelAddress = "10.1.0.1",
                    NetworkAddress = ":8001",
                }
            ),
            "--ephemeral"
        );

        Assert.Equal(0, await daemon.EndAsync(signal));

        Assert.Equal([Lab.Link], await lab.Server.Namespace.DevicesAsync());
        Assert.Equal("", await lab.Server.Namespace.RunAsync("nft", "list", "tables"));
        Assert.Equal("", await lab.Server.Namespace.RunAsync("ss", "-H", "-uln"));
        Assert.False(File.Exists(daemon.SocketPath));

        await daemon.StartAsync();
        Assert.Equal(["t"], await daemon.Control.TunnelsAsync());
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal("tunnel0", (await lab.ServerStatusAsync()).Device);
    }

    [Fact]
    public async Task A_daemon_with_many_tunnels_removes_their_devices_at_once_and_nobody_elses()
    {
        const int Tunnels = 5;
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync(
            "tuntap add other0 mode tun\nlink set other0 group 77 up\ntuntap add other1 mode tun"
        );
        await lab.Server.Daemon.StartAsync();
        for (var i = 0; i < Tunnels; i++)
        {
            await lab.Server.Daemon.UpAsync(
                lab.ServerFile with
                {
                    Name = $"t{i}",
                    TunnelDevice = $"tunnel{i}",
                    TunnelAddress = $"10.1.{i}.1",
                    NetworkAddress = $":{8000 + i}",
                }
            );
        }

        // One whose device is gone before keeps none of the others back.
        await lab.Server.Namespace.IpAsync("link delete tunnel4");
        using var monitor = lab.Server.Namespace.Start("links", "ip", "-o", "monitor", "link");
        await WaitFor.TrueAsync(
            async () =>
            {
                await lab.Server.Namespace.IpAsync("link set other0 alias watched");
                return monitor.Text.Contains("other0", StringComparison.Ordinal);
            },
            "a change of a device is seen"
        );
        Assert.Equal(0, await lab.Server.Daemon.EndAsync("TERM"));

        Assert.Equal(
            new HashSet<string>(["other0", "other1", Lab.Link]),
            [.. await lab.Server.Namespace.DevicesAsync()]
        );
        string[] GroupsOfDeleted() =>
            [
                .. monitor
                    .Text.Split('\n')
                    .Where(line => line.Contains("Deleted", StringComparison.Ordinal))
                    .Where(line => line.Contains(" tunnel", StringComparison.Ordinal))
                    .Select(line => line.Split(" group ")[1].Split(' ')[0]),
            ];
        await WaitFor.TrueAsync(() => Task.FromResult(GroupsOfDeleted().Length >= Tunnels - 1), "devices are deleted");
        Assert.NotEqual("default", Assert.Single(GroupsOfDeleted().Distinct()));
    }

    [Fact]
    public async Task What_was_taken_down_stays_down()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();

        await lab.Server.Control.RunAsync("down", "t");
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();

        Assert.Empty(await lab.Server.Control.TunnelsAsync());
        Assert.Equal([Lab.Link], await lab.Server.Namespace.DevicesAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{ \"TunnelAddress\": \"10.1.0.1\", ")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public async Task A_damaged_state_file_is_set_aside_and_told_and_the_rest_starts(string damage)
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Server.Daemon.UpAsync(
            lab.ServerFile with
            {
                Name = "broken",
                TunnelAddress = "10.1.0.1",
                NetworkAddress = ":8001",
            }
        );
        await lab.Server.Daemon.KillAsync();
        var stored = Directory.GetFiles(lab.Server.Daemon.StateDirectory, "broken.json", SearchOption.AllDirectories);
        File.WriteAllText(Assert.Single(stored), damage);

        await lab.Server.Daemon.StartAsync();

        Assert.Equal(["t"], await lab.Server.Control.TunnelsAsync());
        await lab.Client.WaitForPingAsync("10.0.0.1");
        var damaged = await lab.Server.Control.WaitForEventAsync("state_damaged");
        Assert.Equal("error", damaged.Level);
        Assert.Contains(stored[0], damaged.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(stored[0]));
        Assert.Equal(
            damage,
            File.ReadAllText(Assert.Single(Directory.GetFiles(Path.GetDirectoryName(stored[0])!, "broken*")))
        );
    }

    [Fact]
    public async Task Files_of_the_configuration_directory_start_with_the_daemon_and_one_with_a_mistake_keeps_none_back()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var directory = Directory.CreateDirectory(Path.Combine(lab.Server.Daemon.ConfigDirectory, "tunnels.d"));
        File.WriteAllText(Path.Combine(directory.FullName, "a-wrong.json"), "{}");
        File.WriteAllText(
            Path.Combine(directory.FullName, "right.json"),
            (lab.ServerFile with { Name = "right" }).ToJson()
        );

        await lab.Server.Daemon.StartAsync();
        await lab.Client.Daemon.StartAsync();
        await lab.Client.Daemon.UpAsync(lab.ClientFile);

        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal("running", (await lab.Server.Control.StatusAsync("right")).State);
        var failed = await lab.Server.Control.WaitForEventAsync("tunnel_failed");
        Assert.Contains("a-wrong.json", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stored_tunnel_that_cannot_start_is_told_and_starts_as_soon_as_it_can()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(server: file => file with { TunnelDevice = "tunnel0" });
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Namespace.IpAsync("link add tunnel0 type veth peer name tunnel1\n");

        await lab.Server.Daemon.StartAsync();
        var failed = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.State == "failed",
            "the tunnel to be shown as failed"
        );
        Assert.Contains("tunnel0", failed.Problem, StringComparison.Ordinal);
        await lab.Server.Control.WaitForEventAsync("tunnel_failed");

        await lab.Server.Namespace.IpAsync("link del tunnel0");
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal("running", (await lab.ServerStatusAsync()).State);
    }
}
