// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Cli;

/// <summary>What <c>--host</c> runs at the other host.</summary>
public sealed class DialStdioTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly byte[] Http2Greeting = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    [Fact]
    public async Task Bytes_go_to_the_daemon_and_come_from_it_until_the_input_ends()
    {
        await using var server = await FakeServer.StartAsync();
        using var process = Start(server.SocketPath);

        await process.StandardInput.BaseStream.WriteAsync(Http2Greeting, TestContext.Current.CancellationToken);
        await process.StandardInput.BaseStream.FlushAsync(TestContext.Current.CancellationToken);
        var frame = new byte[9];
        await process
            .StandardOutput.BaseStream.ReadExactlyAsync(frame, TestContext.Current.CancellationToken)
            .AsTask()
            .WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(4, frame[3]);
        Assert.False(process.HasExited);

        process.StandardInput.Close();
        await EndAsync(process);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task It_ends_when_the_daemon_does_while_the_input_is_open()
    {
        var server = await FakeServer.StartAsync();
        using var process = Start(server.SocketPath);
        await process.StandardInput.BaseStream.WriteAsync(Http2Greeting, TestContext.Current.CancellationToken);
        await process.StandardInput.BaseStream.FlushAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.BaseStream.ReadExactlyAsync(new byte[9], TestContext.Current.CancellationToken);

        await server.DisposeAsync();

        await EndAsync(process);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task A_daemon_that_hangs_does_not_keep_it_when_its_caller_is_gone()
    {
        await using var daemon = HungDaemon.Start();
        using var process = Start(daemon.SocketPath);

        process.StandardInput.Close();

        await EndAsync(process);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task Without_a_daemon_it_says_so_and_ends_as_every_command_does()
    {
        using var process = Start("/nonexistent/s");

        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await EndAsync(process);
        Assert.Equal(3, process.ExitCode);
        Assert.StartsWith("udptunnelctl: udptunneld is not running", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dial-stdio --json", "has no JSON")]
    [InlineData("dial-stdio --host ssh://server", "the host where it runs")]
    [InlineData("status --host server", "'server' is not a host: ssh://[USER@]HOST[:PORT]")]
    [InlineData("status --host ssh://-oProxyCommand=x", "is not a host")]
    [InlineData("status --host ssh://server --socket relative", "cannot be the path of a socket on another host")]
    [InlineData("new home --ports 22 --host ssh://server", "on the host where it runs")]
    public async Task What_cannot_be_meant_is_wrong_usage(string line, string message)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error.ToString(), StringComparison.Ordinal);
    }

    private static Task EndAsync(Process process)
    {
        var cancellation = TestContext.Current.CancellationToken;
        return process.WaitForExitAsync(cancellation).WaitAsync(Patience, cancellation);
    }

    private static Process Start(string socketPath) =>
        Process.Start(
            new ProcessStartInfo(BuiltProgram.Path, ["--socket", socketPath, "dial-stdio"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
}
