// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// The kernel refuses what it normally gives, which strace brings about in the real daemon. A link that refuses runs
/// later: Netns.OffloadRefusalTests.
/// </summary>
public sealed class KernelTests
{
    // Options and ioctls are nothing that strace can choose by, so calls are chosen by their place among those of a
    // thread.
    private static string[] Inject(string fault) =>
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", fault];

    [Theory]
    [InlineData("ENOBUFS")]
    [InlineData("EPERM")]
    [InlineData("ENETUNREACH")]
    [InlineData("EIO")]
    public async Task Sends_that_the_kernel_refuses_now_and_then_cost_their_packets_and_nothing_else(string error)
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();
        lab.Client.AddDaemon(Inject($"inject=sendmmsg:error={error}:when=3+4"));
        await lab.StartTunnelAsync();

        await Transfer.BothWaysAsync(lab, 1 << 20, TimeSpan.FromMinutes(1));

        var status = await lab.ClientStatusAsync();
        Assert.Equal("running", status.State);
        Assert.True(error is "EIO" or "ENOBUFS" || status.Drops("send_failed", "out") > 0, status.ToString());
        Assert.Equal(0, (await lab.ServerStatusAsync()).AllDrops);
    }

    [Fact]
    public async Task Receiving_that_fails_now_and_then_costs_nothing()
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();
        lab.Client.AddDaemon(Inject("inject=recvmmsg:error=ENOMEM:when=5+9"));
        await lab.StartTunnelAsync();

        await Transfer.BothWaysAsync(lab, 200_000, TimeSpan.FromMinutes(1));

        Assert.Equal("running", (await lab.ClientStatusAsync()).State);
    }

    [Fact]
    public async Task A_kernel_that_refuses_the_offloads_of_the_device_at_start_gets_none_and_the_tunnel_works()
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();

        // TUNSETIFF is the first ioctl of a descriptor of the device, TUNSETVNETHDRSZ and TUNSETOFFLOAD follow; the
        // runtime makes none on it.
        lab.Client.AddDaemon(
            "strace",
            "-D",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-P",
            "/dev/net/tun",
            "-e",
            "inject=ioctl:error=EINVAL:when=3+"
        );
        await lab.StartTunnelAsync();

        var status = await lab.ClientStatusAsync();
        Assert.False(status.Offload("tunTcp"), status.ToString());
        Assert.False(status.Offload("tunUdp"), status.ToString());
        await Transfer.BothWaysAsync(lab, 1 << 20, TimeSpan.FromMinutes(1));
        Assert.Equal(0, status.AllDrops);
    }

    [Fact]
    public async Task A_kernel_that_knows_neither_UDP_SEGMENT_nor_UDP_GRO_sends_and_receives_one_by_one()
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();

        // All but the first two: one has routes listed by their kind, one makes the socket one for IPv4 and IPv6.
        lab.Client.AddDaemon(Inject("inject=setsockopt:error=ENOPROTOOPT:when=3+"));
        await lab.StartTunnelAsync();

        var status = await lab.ClientStatusAsync();
        Assert.False(status.Offload("udpSegment"), status.ToString());
        Assert.False(status.Offload("udpGro"), status.ToString());
        await Transfer.BothWaysAsync(lab, 1 << 20, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Near_the_limit_of_descriptors_a_new_tunnel_is_refused_and_those_that_run_can_be_reached_and_stopped()
    {
        Requirements.Command("prlimit", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var daemon = lab.Server.Daemon;
        var inUse = Directory
            .EnumerateFileSystemEntries($"/proc/{daemon.Id}/fd")
            .Select(path => int.Parse(Path.GetFileName(path)))
            .ToHashSet();

        // Up to 64 are kept for what must go on.
        var limit = Enumerable
            .Range(0, int.MaxValue)
            .Where(descriptor => !inUse.Contains(descriptor))
            .ElementAt(64 + 8);
        (await Command.RunAsync(["prlimit", $"--pid={daemon.Id}", $"--nofile={limit}"])).RequireSuccess();

        var started = new List<string>();
        CommandResult? refused = null;
        while (refused is null && started.Count < 72)
        {
            var name = $"more{started.Count}";
            var file = daemon.Write(
                lab.ServerFile with
                {
                    Name = name,
                    TunnelAddress = $"10.{started.Count + 1}.0.1",
                    NetworkAddress = $":{9000 + started.Count}",
                }
            );
            var result = await daemon.Control.TryRawAsync("up", file);
            if (result.ExitCode == 0)
            {
                started.Add(name);
            }
            else
            {
                refused = result;
            }
        }

        Assert.NotNull(refused);
        Assert.Contains("Too many open files", refused.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        foreach (var name in started)
        {
            await daemon.Control.RunAsync("down", name);
        }

        // What was freed can be used again.
        await daemon.Control.RunAsync(
            "up",
            daemon.Write(lab.ServerFile with { Name = "again", TunnelAddress = "10.99.0.1", NetworkAddress = ":9999" })
        );
    }
}
