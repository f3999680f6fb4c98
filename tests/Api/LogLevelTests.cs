// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>SetLogLevel, and what the log says of callers.</summary>
public sealed class LogLevelTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Debug_messages_come_on_demand_and_end_by_themselves()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        var client = daemon.Channel.Daemon;
        await client.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation);
        Assert.DoesNotContain("debug: ", daemon.Process.Errors, StringComparison.Ordinal);

        var set = await client.SetLogLevelAsync(
            new SetLogLevelRequest
            {
                Level = DaemonLogLevel.Debug,
                Duration = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
            },
            cancellationToken: Cancellation
        );
        Assert.Equal(DaemonLogLevel.Debug, set.Level);
        Assert.InRange(set.Until.ToDateTime() - DateTime.UtcNow, TimeSpan.FromSeconds(-2), TimeSpan.FromSeconds(3));
        await client.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation);

        await Eventually.BecomesTrueAsync(
            () => daemon.Process.Errors.Contains("calls /udptunnel.v1.DaemonService/WhoAmI", StringComparison.Ordinal),
            () => daemon.Process.Errors
        );
        await Eventually.BecomesTrueAsync(
            () => daemon.Process.Errors.Contains("debug messages are no longer written", StringComparison.Ordinal),
            () => daemon.Process.Errors
        );
        var about = await client.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
        Assert.Equal((DaemonLogLevel.Info, null), (about.LogLevel, about.LogLevelUntil));
        var before = daemon.Process.Errors.Split("debug: ").Length;
        await client.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation);
        Assert.Equal(before, daemon.Process.Errors.Split("debug: ").Length);
    }

    [Fact]
    public async Task It_ends_at_once_where_the_caller_says_so()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        var client = daemon.Channel.Daemon;
        var usual = await client.SetLogLevelAsync(
            new SetLogLevelRequest { Level = DaemonLogLevel.Debug },
            cancellationToken: Cancellation
        );
        Assert.InRange(usual.Until.ToDateTime() - DateTime.UtcNow, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(11));

        var ended = await client.SetLogLevelAsync(
            new SetLogLevelRequest { Level = DaemonLogLevel.Info },
            cancellationToken: Cancellation
        );

        Assert.Equal((DaemonLogLevel.Info, null), (ended.Level, ended.Until));
    }

    [Theory]
    [InlineData(DaemonLogLevel.Unspecified, 0)]
    [InlineData((DaemonLogLevel)99, 0)]
    [InlineData(DaemonLogLevel.Info, 60)]
    [InlineData(DaemonLogLevel.Debug, -1)]
    [InlineData(DaemonLogLevel.Debug, 86_401)]
    public async Task What_is_no_level_or_time_is_refused(DaemonLogLevel level, int seconds)
    {
        await using var daemon = await DaemonProcess.StartAsync();
        var request = new SetLogLevelRequest { Level = level };
        request.Duration = seconds == 0 ? null : new Duration { Seconds = seconds };

        (await Failure.OfAsync(daemon.Channel.Daemon.SetLogLevelAsync(request, cancellationToken: Cancellation))).Is(
            StatusCode.InvalidArgument,
            "INVALID_REQUEST"
        );
    }

    [Fact]
    public async Task The_log_names_the_user_who_changes_something()
    {
        await using var daemon = await DaemonProcess.StartAsync();

        foreach (var dryRun in new[] { true, false })
        {
            await daemon.Channel.Daemon.ReloadDirectoryAsync(
                new ReloadDirectoryRequest { DryRun = dryRun },
                cancellationToken: Cancellation
            );
        }

        var user = $"{Environment.UserName} (uid ";
        await Eventually.BecomesTrueAsync(
            () => daemon.Process.Errors.Contains($"{user}", StringComparison.Ordinal),
            () => daemon.Process.Errors
        );

        // Asking what would change changes nothing.
        Assert.DoesNotContain("dry run", daemon.Process.Errors, StringComparison.Ordinal);
    }
}
