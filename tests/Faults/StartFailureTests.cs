// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// One system call of a start or of a repair fails: what was opened is closed again, and the next try works.
/// </summary>
public sealed class StartFailureTests
{
    private const string Device = "fail0";

    [Theory]
    [InlineData("socket:error=ENOBUFS")]
    [InlineData("epoll_create1:error=EMFILE")]
    [InlineData("eventfd2:error=EMFILE")]
    [InlineData("ioctl:error=ENOMEM")]
    public async Task A_start_that_fails_at_any_call_leaves_nothing_behind(string fault)
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Client.Daemon;
        await daemon.StartAsync();

        // A link-local server, whose zone is looked up as well.
        var file = daemon.Write(
            lab.ClientFile with
            {
                NetworkAddress = $"[fe80::1%{Lab.Link}]:8000",
                TunnelDevice = Device,
            }
        );
        await daemon.Control.RunAsync("up", file);
        await daemon.Control.RunAsync("down", "t");
        var before = Descriptors(daemon);
        for (var n = 1; n <= 6; n++)
        {
            await using (await InjectAsync(daemon, $"{fault}:when={n}"))
            {
                var up = await daemon.Control.TryRawAsync("up", "--ephemeral", file);
                var down = await daemon.Control.TryRawAsync("down", "t");
                Assert.True(up.ExitCode != 0 || down.ExitCode == 0, $"{n}: {down.Output}");
            }

            Assert.DoesNotContain(Device, await lab.Client.Namespace.DevicesAsync());
        }

        await daemon.Control.RunAsync("up", file);
        await daemon.Control.RunAsync("down", "t");
        await WaitFor.TrueAsync(
            () => Task.FromResult(Descriptors(daemon) <= before + 2),
            $"no more than {before} descriptors"
        );
    }

    [Fact]
    public async Task A_device_that_was_made_again_and_could_not_be_configured_is_configured_later()
    {
        Requirements.Command("strace", "strace");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { TunnelDevice = Device });
        await using (await InjectAsync(lab.Client.Daemon, "socket:error=ENOBUFS"))
        {
            await lab.Client.Namespace.IpAsync($"link del {Device}\n");
            await lab.Client.Control.WaitForEventAsync("device_lost");
            await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        }

        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(10));
        Assert.Equal("running", (await lab.ClientStatusAsync()).State);
    }

    [Fact]
    public async Task A_link_local_server_is_found_when_its_device_comes_later_or_comes_back()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync($"addr add fe80::2/64 dev {Lab.Link} nodad\n");
        await lab.Client.Namespace.IpAsync($"link set {Lab.Link} down\nlink set {Lab.Link} name away0\n");
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
        await lab.Client.Daemon.UpAsync(lab.ClientFile with { NetworkAddress = $"[fe80::2%{Lab.Link}]:8000" });
        Assert.Equal("resolving", (await lab.Client.Control.StatusAsync("t")).State);

        await lab.Client.Namespace.IpAsync($"link set away0 name {Lab.Link}\nlink set {Lab.Link} up\n");

        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(20));
    }

    private static int Descriptors(Daemon daemon) =>
        Directory.EnumerateFileSystemEntries($"/proc/{daemon.Id}/fd").Count();

    private static async Task<Injection> InjectAsync(Daemon daemon, string fault)
    {
        var injection = new Injection(
            ChildProcess.Start(
                "strace",
                ["strace", "-f", "-qq", "-p", $"{daemon.Id}", "-o", "/dev/null", "-e", $"inject={fault}"]
            )
        );
        var status = $"/proc/{daemon.Id}/status";
        await WaitFor.TrueAsync(
            () => Task.FromResult(!File.ReadAllText(status).Contains("TracerPid:\t0\n", StringComparison.Ordinal)),
            "strace to be attached"
        );
        return injection;
    }

    private sealed class Injection(ChildProcess strace) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => _ = await strace.EndAsync("TERM");
    }
}
