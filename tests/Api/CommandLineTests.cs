// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api;

/// <summary>The daemon's own options. Those that work are used by every other test.</summary>
public sealed class CommandLineTests
{
    [Fact]
    public async Task Help_names_every_option()
    {
        var (exitCode, output, error) = await RunAsync("--help");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.All(
            [
                "--socket PATH",
                "--state-dir DIR",
                "--config-dir DIR",
                "--look-group GROUP",
                "--metrics ADDRESS",
                "--device-dir DIR",
            ],
            option => Assert.Contains($"  {option}", output, StringComparison.Ordinal)
        );
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public async Task The_version_is_a_number()
    {
        var (exitCode, output, _) = await RunAsync("--version");

        Assert.Equal(0, exitCode);
        Assert.Matches("^[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9a-z.]+)?\n$", output);
    }

    [Theory]
    [InlineData("--sokcet /s", "'--sokcet' is not an option", "Did you mean '--socket'?")]
    [InlineData("start", "'start' is too much", "See 'udptunneld --help'.")]
    [InlineData("--socket /a --socket /b", "'--socket' is given twice", "See 'udptunneld --help'.")]
    [InlineData("--metrics", "'--metrics' needs a value: ADDRESS", "See 'udptunneld --help'.")]
    public async Task Wrong_usage_ends_with_2_and_starts_nothing(string line, string message, string advice)
    {
        var (exitCode, output, error) = await RunAsync(line.Split(' '));

        Assert.Equal((2, ""), (exitCode, output));
        Assert.StartsWith($"udptunneld: {message}", error, StringComparison.Ordinal);
        Assert.Contains(advice, error, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var process = Process.Start(
            new ProcessStartInfo(DaemonProcess.Program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var error = await process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        return (process.ExitCode, await output, error);
    }
}
