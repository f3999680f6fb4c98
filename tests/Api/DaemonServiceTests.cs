// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text.RegularExpressions;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

public sealed partial class DaemonServiceTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private DaemonService.DaemonServiceClient Client => fixture.Channel.Daemon;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_daemon_tells_what_it_is()
    {
        var daemon = await Client.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);

        Assert.Matches(SemanticVersion(), daemon.Version);
        Assert.Equal(fixture.Daemon.Process.Id, daemon.Pid);
        Assert.InRange(
            DateTimeOffset.UtcNow - daemon.Started.ToDateTimeOffset(),
            TimeSpan.Zero,
            TimeSpan.FromMinutes(2)
        );
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), daemon.Kernel);
        Assert.StartsWith(".NET ", daemon.Runtime, StringComparison.Ordinal);
        Assert.Equal(0, daemon.Tunnels);
        Assert.Equal(fixture.Daemon.StateDirectory, daemon.StateDirectory);
    }

    [Fact]
    public async Task The_version_is_the_one_that_the_program_prints()
    {
        var (exitCode, output, _) = await ChildProcess.RunAsync(DaemonProcess.Program, "--version");

        var daemon = await Client.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
        Assert.Equal(0, exitCode);
        Assert.Equal(output.Trim().Split('+')[0], daemon.Version);
    }

    [Fact]
    public async Task A_caller_is_who_the_kernel_says()
    {
        var me = await Client.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation);

        Assert.Equal(EffectiveId("Uid"), me.Uid);
        Assert.Equal(EffectiveId("Gid"), me.Gid);
        Assert.Equal(Environment.ProcessId, me.Pid);
        Assert.Equal(Role.Operate, me.Role);
        Assert.NotEmpty(me.Reason);
    }

    /// <summary>Of the line "Uid: real effective saved file-system".</summary>
    private static uint EffectiveId(string name) =>
        uint.Parse(
            File.ReadLines("/proc/self/status")
                .Single(l => l.StartsWith(name + ":", StringComparison.Ordinal))
                .Split('\t')[2],
            CultureInfo.InvariantCulture
        );

    [GeneratedRegex(@"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")]
    private static partial Regex SemanticVersion();
}
