using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// The programs of examples/ do what they say: start a tunnel, and let in who is on the list and nobody else.
/// </summary>
public sealed class ExampleTests
{
    private static readonly string Examples = Path.Combine(AppContext.BaseDirectory, "examples");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task The_shell_script_approves_who_is_on_the_list()
    {
        Requirements.Program("/usr/bin/jq", "jq");
        Requirements.Program(Control, "make build");
        return ApprovesAsync(_ =>
            Task.FromResult<string[]>([
                "/usr/bin/env",
                $"PATH={Path.GetDirectoryName(Control)}:/usr/bin:/bin",
                Path.Combine(Examples, "shell", "approve.sh"),
            ])
        );
    }

    [Fact]
    public async Task The_Python_program_approves_who_is_on_the_list()
    {
        Requirements.Program("/usr/bin/protoc", "protobuf-compiler");
        Requirements.Program("/usr/bin/grpc_python_plugin", "protobuf-compiler-grpc");
        Assert.SkipWhen(
            (await ChildProcess.RunAsync("/usr/bin/python3", "-c", "import grpc")).ExitCode != 0,
            "Debian's python3-grpcio is missing"
        );
        await ApprovesAsync(async directory =>
        {
            var protos = Path.Combine(AppContext.BaseDirectory, "protos");
            var (exitCode, _, errors) = await ChildProcess.RunAsync([
                "/usr/bin/protoc",
                $"--proto_path={protos}",
                $"--python_out={directory.Path}",
                $"--grpc_out={directory.Path}",
                "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
                .. Directory.EnumerateFiles(Path.Combine(protos, "udptunnel", "v1")),
            ]);
            Assert.True(exitCode == 0, errors);
            return
            [
                "/usr/bin/env",
                $"PYTHONPATH={directory.Path}",
                "/usr/bin/python3",
                Path.Combine(Examples, "python", "approve.py"),
            ];
        });
    }

    [Fact]
    public async Task The_Node_program_approves_who_is_on_the_list()
    {
        var (exitCode, _, errors) = await ChildProcess.RunAsync(
            "sh",
            "-c",
            $"cd {Path.Combine(Examples, "node")} && {{ [ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund; }}"
        );
        Assert.SkipWhen(exitCode == 127, "npm is missing: install Debian's package npm");
        Assert.True(exitCode == 0, errors);
        await ApprovesAsync(_ =>
            Task.FromResult<string[]>(["/usr/bin/env", "node", Path.Combine(Examples, "node", "approve.mjs")])
        );
    }

    private static string Control { get; } =
        Environment.GetEnvironmentVariable("UDPTUNNELCTL")
        ?? Path.Combine(Path.GetDirectoryName(DaemonProcess.Program)!, "udptunnelctl");

    /// <summary>
    /// One daemon with two receivers and their two senders: one that is on the list, and one of the classic protocol,
    /// which has no fingerprint that could be.
    /// </summary>
    private static async Task ApprovesAsync(Func<TemporaryDirectory, Task<string[]>> command)
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        using var directory = new TemporaryDirectory();
        var listed = await StartRelaysAsync(daemon, 7001, "tls");
        await StartRelaysAsync(daemon, 7002, "classic");
        await File.WriteAllTextAsync(
            directory["allowed"],
            $"SHA256:somebody else\n{listed.OwnFingerprint}\n",
            Cancellation
        );
        await File.WriteAllTextAsync(directory["home.json"], Configurations.Server(1), Cancellation);

        await using var program = ChildProcess.Start([
            "/usr/bin/env",
            $"UDPTUNNEL_SOCKET={daemon.SocketPath}",
            .. await command(directory),
            directory["home.json"],
            directory["allowed"],
        ]);

        await Eventually.BecomesTrueAsync(
            async () =>
            {
                Assert.False(program.HasEnded, program.Output + program.Errors);
                return (await RelayAsync(daemon, listed.Name)).State == RelayState.Running;
            },
            () => $"the sender is not approved: {program.Output}{program.Errors}"
        );
        await Eventually.BecomesTrueAsync(
            () => program.Output.Contains($"approved {listed.OwnFingerprint}\n", StringComparison.Ordinal),
            () => $"it does not say so: {program.Output}{program.Errors}"
        );
        Assert.Equal(1u, (await RelayAsync(daemon, "classic-receiver")).PendingSenders);
        Assert.Equal(
            "home",
            Assert
                .Single(
                    (
                        await daemon.Channel.Tunnels.ListTunnelsAsync(
                            new ListTunnelsRequest(),
                            cancellationToken: Cancellation
                        )
                    ).Tunnels
                )
                .Name
        );
    }

    /// <returns>The sender, which is pending.</returns>
    private static async Task<Relay> StartRelaysAsync(DaemonProcess daemon, int port, string protocol)
    {
        foreach (var role in new[] { "receiver", "sender" })
        {
            var (udp, tcp) = role == "receiver" ? ($":{port}", $":{port}") : ("127.0.0.1:9", $"127.0.0.1:{port}");
            await daemon.Channel.Relays.StartRelayAsync(
                new StartRelayRequest
                {
                    Name = $"{protocol}-{role}",
                    Configuration =
                        $$"""{"Relay": "{{role}}", "UdpAddress": "{{udp}}", "TcpAddress": "{{tcp}}", "Protocol": "{{protocol}}"}""",
                },
                cancellationToken: Cancellation
            );
        }

        Relay? sender = null;
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                sender = await RelayAsync(daemon, $"{protocol}-sender");
                return sender.State == RelayState.Pending
                    || (protocol == "classic" && (await RelayAsync(daemon, "classic-receiver")).PendingSenders == 1);
            },
            () => $"the sender does not wait: {sender}"
        );
        return sender!;
    }

    private static async Task<Relay> RelayAsync(DaemonProcess daemon, string name) =>
        Assert.Single(
            (
                await daemon.Channel.Relays.ListRelaysAsync(
                    new ListRelaysRequest { Names = { name } },
                    cancellationToken: Cancellation
                )
            ).Relays
        );
}
