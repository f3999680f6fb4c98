// SPDX-License-Identifier: BSD-3-Clause

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
    public Task The_shell_script_approves_who_is_on_the_list() => ApprovesAsync(_ => ShellAsync("approve.sh"));

    [Fact]
    public Task The_shell_script_approves_peers_on_the_list() =>
        ApprovesPeersAsync(_ => ShellAsync("approve-peers.sh"));

    [Fact]
    public Task The_Python_program_approves_who_is_on_the_list() =>
        ApprovesAsync(directory => PythonAsync(directory, "approve.py"));

    [Fact]
    public Task The_Python_program_approves_peers_on_the_list() =>
        ApprovesPeersAsync(directory => PythonAsync(directory, "approve_peers.py"));

    [Fact]
    public Task The_Node_program_approves_who_is_on_the_list() => ApprovesAsync(_ => NodeAsync("approve.mjs"));

    [Fact]
    public Task The_Node_program_approves_peers_on_the_list() =>
        ApprovesPeersAsync(_ => NodeAsync("approve-peers.mjs"));

    private static Task<string[]> ShellAsync(string name)
    {
        Requirements.Program("/usr/bin/jq", "jq");
        Requirements.Program(Control, "make build");
        return Task.FromResult<string[]>([
            "/usr/bin/env",
            $"PATH={Path.GetDirectoryName(Control)}:/usr/bin:/bin",
            Path.Combine(Examples, "shell", name),
        ]);
    }

    private static async Task<string[]> PythonAsync(TemporaryDirectory directory, string name)
    {
        Requirements.Program("/usr/bin/protoc", "protobuf-compiler");
        Requirements.Program("/usr/bin/grpc_python_plugin", "protobuf-compiler-grpc");
        Assert.SkipWhen(
            (await ChildProcess.RunAsync("/usr/bin/python3", "-c", "import grpc")).ExitCode != 0,
            "Debian's python3-grpcio is missing"
        );
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
            Path.Combine(Examples, "python", name),
        ];
    }

    private static async Task<string[]> NodeAsync(string name)
    {
        var (exitCode, _, errors) = await ChildProcess.RunAsync(
            "sh",
            "-c",
            $"cd {Path.Combine(Examples, "node")} && {{ [ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund; }}"
        );
        Assert.SkipWhen(exitCode == 127, "npm is missing: install Debian's package npm");
        Assert.True(exitCode == 0, errors);
        return ["/usr/bin/env", "node", Path.Combine(Examples, "node", name)];
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
        Assert.Equal("home", Assert.Single(await TunnelsAsync(daemon)).Name);
    }

    /// <summary>A tunnel that asks, and two others that knock: the key of one is on the list.</summary>
    private static async Task ApprovesPeersAsync(Func<TemporaryDirectory, Task<string[]>> command)
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        using var directory = new TemporaryDirectory();
        const string Asks = """, "NetworkAddress": ":7101", "UnknownPeers": "ask" """;
        var home = await StartSecureAsync(daemon, "home", 1, Asks);
        var knocks = $$"""
            , "Peers": [{"PublicKey": "{{home}}", "AllowedIPs": ["10.98.99.0/24"], "Endpoint": "127.0.0.1:7101",
            "PersistentKeepalive": 1}], "Routes": "off"
            """;
        var listed = await StartSecureAsync(daemon, "listed", 2, knocks);
        var stranger = await StartSecureAsync(daemon, "stranger", 3, knocks);
        await File.WriteAllTextAsync(directory["allowed"], $"{home} nobody\n{listed} laptop\n", Cancellation);

        await using var program = ChildProcess.Start([
            "/usr/bin/env",
            $"UDPTUNNEL_SOCKET={daemon.SocketPath}",
            .. await command(directory),
            directory["allowed"],
        ]);

        foreach (var line in (string[])[$"approved {listed} as laptop\n", $"waits for a person: {stranger}\n"])
        {
            await Eventually.BecomesTrueAsync(
                () => program.Output.Contains(line, StringComparison.Ordinal),
                () => $"it does not say '{line}': {program.Output}{program.Errors}"
            );
        }

        var tunnel = (await TunnelsAsync(daemon)).Single(t => t.Name == "home");
        Assert.Equal(("laptop", listed), Assert.Single(tunnel.Peers.Select(p => (p.Name, p.PublicKey))));
        Assert.Equal(stranger, Assert.Single(tunnel.PendingPeers).PublicKey);
        Assert.Equal("", program.Errors);
    }

    /// <returns>Its public key.</returns>
    private static async Task<string> StartSecureAsync(DaemonProcess daemon, string name, int number, string more)
    {
        var started = await daemon.Channel.Tunnels.StartTunnelAsync(
            new StartTunnelRequest
            {
                Name = name,
                Configuration =
                    $$"""{"Protocol": "wireguard", "TunnelAddress": "10.98.{{number}}.1/24", "AllowedPorts": [22]{{more}}}""",
            },
            cancellationToken: Cancellation
        );
        return started.Tunnel.PublicKey;
    }

    private static async Task<IEnumerable<Tunnel>> TunnelsAsync(DaemonProcess daemon) =>
        (
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
        ).Tunnels;

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
