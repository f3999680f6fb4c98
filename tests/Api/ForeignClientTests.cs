// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api;

/// <summary>Clients in another language: Debian's python3-grpcio, with our protos and without them.</summary>
public sealed class ForeignClientTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const string Python = "/usr/bin/python3";
    private const string Protoc = "/usr/bin/protoc";
    private const string Plugin = "/usr/bin/grpc_python_plugin";

    [Fact]
    public async Task A_Python_client_starts_lists_watches_changes_and_stops_a_tunnel()
    {
        Requirements.Tun();
        var said = await RunAsync("tunnel_client.py", "udptunnel/v1/*.proto");

        Assert.Equal(
            [
                "whoami: ROLE_OPERATE",
                "start: TUNNEL_STATE_WAITING",
                "list: ok",
                "watch: ok",
                "events: ok",
                "ports: ok",
                "reload: ok",
                "mistakes: INVALID_ARGUMENT INVALID_CONFIGURATION Nonsense00",
                "unknown: NOT_FOUND NO_SUCH_TUNNEL",
                "compressed: ok",
                "stop: ok",
            ],
            said
        );
    }

    [Theory]
    [InlineData("grpc.reflection.v1")]
    [InlineData("grpc.reflection.v1alpha")]
    public async Task A_client_without_our_protos_finds_a_method_by_reflection_and_calls_it(string package)
    {
        var said = await RunAsync("reflection_client.py", "grpc/reflection/v1/*.proto", package);

        Assert.Equal(
            [
                .. ServiceDescriptors.All.Select(s => $"service: {s.FullName}"),
                $"udptunnel.v1.DaemonService.GetDaemon: pid {fixture.Daemon.Process.Id}",
                "udptunnel.v1.EventService.WatchEvents: EVENT_KIND_DAEMON_STARTED",
                "grpc.health.v1.Health.Check: SERVING",
            ],
            said
        );
    }

    /// <summary>Compiles protos and runs a script beside what came of it.</summary>
    /// <returns>The lines it said.</returns>
    private async Task<string[]> RunAsync(string script, string protos, params string[] arguments)
    {
        Requirements.Program(Protoc, "protobuf-compiler");
        Requirements.Program(Plugin, "protobuf-compiler-grpc");
        Requirements.Program("/usr/include/google/protobuf/descriptor.proto", "libprotobuf-dev");
        Requirements.Program(Python, "python3");
        var (exitCode, output, errors) = await ChildProcess.RunAsync(Python, "-c", "import grpc, google.protobuf");
        Assert.SkipWhen(
            exitCode != 0,
            $"{Python} has no module grpc: install Debian's packages python3-grpcio and python3-protobuf. {errors}"
        );

        using var directory = new TemporaryDirectory();
        var root = Path.Combine(AppContext.BaseDirectory, "protos");
        (exitCode, _, errors) = await ChildProcess.RunAsync([
            Protoc,
            $"--proto_path={root}",
            $"--python_out={directory.Path}",
            $"--plugin=protoc-gen-grpc={Plugin}",
            $"--grpc_out={directory.Path}",
            .. Directory.EnumerateFiles(Path.Combine(root, Path.GetDirectoryName(protos)!), Path.GetFileName(protos)),
        ]);
        Assert.True(exitCode == 0, errors);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Python", script), directory[script]);

        (exitCode, output, errors) = await ChildProcess.RunAsync([
            Python,
            directory[script],
            fixture.Daemon.SocketPath,
            .. arguments,
        ]);
        Assert.True(exitCode == 0, output + errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
