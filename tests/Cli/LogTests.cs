// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class LogTests
{
    [Fact]
    public async Task Debug_messages_are_asked_for_for_a_time()
    {
        await using var server = await FakeServer.StartAsync();
        Answer(server, DaemonLogLevel.Debug);

        var usual = await CommandRun.OfAsync(server, "log", "debug");
        var hour = await CommandRun.OfAsync(server, "log", "debug", "--for", "1h");

        Assert.Equal("The log has debug messages until 2026-03-04 12:10:00.\n", usual.Output.ToString());
        Assert.Equal(0, hour.ExitCode);
        Assert.Equal(
            [
                new SetLogLevelRequest { Level = DaemonLogLevel.Debug },
                new SetLogLevelRequest
                {
                    Level = DaemonLogLevel.Debug,
                    Duration = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
                },
            ],
            server.Daemon.Requests
        );
    }

    [Fact]
    public async Task Without_a_level_the_command_shows_it_and_changes_nothing()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.GetDaemon = _ => Task.FromResult(new GetDaemonResponse { LogLevel = DaemonLogLevel.Info });

        var run = await CommandRun.OfAsync(server, "log");

        Assert.Equal("The log has no debug messages.\n", run.Output.ToString());
        Assert.IsType<GetDaemonRequest>(Assert.Single(server.Daemon.Requests));
    }

    [Theory]
    [InlineData("log verbose", "'verbose' is not a level")]
    [InlineData("log info --for 1m", "--for is for debug")]
    [InlineData("log --for 1m", "--for is for debug")]
    [InlineData("log debug --for 25h", "--for")]
    public async Task What_is_no_level_or_time_is_wrong_usage(string line, string message)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error.ToString(), StringComparison.Ordinal);
    }

    private static void Answer(FakeServer server, DaemonLogLevel level) =>
        server.Daemon.SetLogLevel = _ =>
            Task.FromResult(
                new SetLogLevelResponse
                {
                    Level = level,
                    Until = Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(10)),
                }
            );
}
