// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>The real program's exit codes, each with what causes it.</summary>
public sealed class ExitCodeTests
{
    [Theory]
    [InlineData(0, "down home")]
    [InlineData(1, "up tunnel.json")]
    [InlineData(2, "check mistakes.json")]
    [InlineData(2, "status --nonsense")]
    [InlineData(3, "status --socket /nonexistent/s")]
    [InlineData(4, "ports home allow 80")]
    [InlineData(5, "down nobody")]
    [InlineData(6, "up tunnel.json --name slow --timeout 100ms")]
    public async Task The_process_ends_with(int exitCode, string line)
    {
        await using var server = await FakeServer.StartAsync();
        server.File("tunnel.json", """{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22]}""");
        server.File("mistakes.json", "{}");
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(Relays.RelaySamples.Receiver());
        server.Daemon.Start = async request =>
        {
            await Task.Delay(request.Name == "slow" ? 5000 : 0, TestContext.Current.CancellationToken);
            throw FakeDaemon.Error(StatusCode.AlreadyExists, "NAME_TAKEN", "a tunnel 'tunnel' runs already");
        };
        server.Daemon.Stop = request =>
            request.Name == "home"
                ? Task.FromResult(new StopTunnelResponse { Tunnel = Samples.Server() })
                : throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", "there is no such tunnel");
        server.Daemon.UpdatePorts = _ =>
            throw FakeDaemon.Error(StatusCode.PermissionDenied, "ROLE_REQUIRED", "you may only look");

        foreach (var json in new[] { false, true })
        {
            using var process = Process.Start(
                new ProcessStartInfo(BuiltProgram.Path, [.. $"{line}{(json ? " --json" : "")}".Split(' ')])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    WorkingDirectory = Path.GetDirectoryName(server.SocketPath),
                    Environment = { ["UDPTUNNEL_SOCKET"] = server.SocketPath },
                }
            )!;
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);

            Assert.Equal(exitCode, process.ExitCode);
            Assert.Equal(exitCode != 0, error.StartsWith("udptunnelctl: ", StringComparison.Ordinal));
            Assert.Equal(
                exitCode != 0 && json,
                (await output).Contains($"\"exitCode\":{exitCode}", StringComparison.Ordinal)
            );
        }
    }
}
