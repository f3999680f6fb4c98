// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>
/// The built daemon, in directories of its own. Under root it gets a network and a mount namespace that vanish with it,
/// so that its devices and ports meet nobody's.
/// </summary>
internal sealed class DaemonProcess : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private ChildProcess? _process;
    private ControlChannel? _channel;

    private DaemonProcess() { }

    /// <summary>
    /// What is tested: <c>make build</c> leaves it, or it is in the directory that the environment variable
    /// UDPTUNNEL_BIN names.
    /// </summary>
    public static string Program { get; } = Built();

    /// <summary>Where its control socket is.</summary>
    public string SocketPath => _directory["s"];

    /// <summary>Where it keeps state.</summary>
    public string StateDirectory => _directory["state"];

    /// <summary>Where the files are that start with it.</summary>
    public string FilesDirectory => _directory["etc/tunnels.d"];

    /// <summary>The directory that holds everything of it.</summary>
    public string Directory => _directory.Path;

    /// <summary>The process.</summary>
    public ChildProcess Process => _process!;

    /// <summary>A connection as the tests' own user.</summary>
    public ControlChannel Channel => _channel ??= new ControlChannel(SocketPath);

    /// <summary>Resident memory, in KiB.</summary>
    public long ResidentKilobytes =>
        long.Parse(
            File.ReadLines($"/proc/{Process.Id}/status")
                .Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
                .Split(' ')[^2],
            System.Globalization.CultureInfo.InvariantCulture
        );

    /// <summary>Starts a daemon and waits until it takes connections.</summary>
    public static Task<DaemonProcess> StartAsync(DaemonSetup? setup = null) =>
        StartAsync(setup ?? new DaemonSetup(), d => d.IsReadyAsync());

    /// <summary>Starts a daemon and waits until its socket is there, before anything runs.</summary>
    public static Task<DaemonProcess> BeginAsync() =>
        StartAsync(new DaemonSetup(), d =>
            Eventually.BecomesTrueAsync(
                () => File.Exists(d.SocketPath),
                () => $"the daemon has no socket: {d.Process.Errors}"
            )
        );

    /// <summary>Starts a daemon that is expected to refuse, and waits for its end.</summary>
    /// <returns>Exit code and what it said.</returns>
    /// <param name="socket">Where its control socket shall be; null: where nothing is wrong with it.</param>
    /// <param name="state">Where it shall keep state; null: where nothing is wrong with it.</param>
    public static Task<(int ExitCode, string Errors)> RefusesAsync(string? socket = null, string? state = null) =>
        RefusesAsync(new DaemonSetup(), socket, state);

    /// <summary>The same, in other surroundings.</summary>
    public static async Task<(int ExitCode, string Errors)> RefusesAsync(
        DaemonSetup setup,
        string? socket = null,
        string? state = null
    )
    {
        await using var daemon = new DaemonProcess();
        daemon.Launch(setup, socket, state);
        var exitCode = await daemon.Process.WaitAsync();
        return (exitCode, daemon.Process.Errors);
    }

    /// <summary>Another daemon with the same directories, after this one ended.</summary>
    public async Task RestartAsync(DaemonSetup? setup = null)
    {
        Assert.True(Process.HasEnded);
        await Process.DisposeAsync();
        _channel?.Dispose();
        _channel = null;
        Launch(setup ?? new DaemonSetup());
        await IsReadyAsync();
    }

    /// <summary>A shell command that runs in the namespaces of the daemon, network and mounts.</summary>
    public string[] InNamespace(string command) =>
        Environment.IsPrivilegedProcess
            ? ["/usr/bin/nsenter", "--net", "--mount", $"--target={Process.Id}", "bash", "-c", command]
            : ["bash", "-c", command];

    /// <summary>Runs such a command, which must succeed.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunInNamespaceAsync(string command)
    {
        var (exitCode, output, errors) = await ChildProcess.RunAsync(InNamespace(command));
        Assert.True(exitCode == 0, errors);
        return output;
    }

    /// <summary>Asks it to end and waits for that.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopAsync()
    {
        Process.Terminate();
        return Process.WaitAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _directory.Dispose();
    }

    private static async Task<DaemonProcess> StartAsync(DaemonSetup setup, Func<DaemonProcess, Task> isUp)
    {
        var daemon = new DaemonProcess();
        try
        {
            daemon.Launch(setup);
            await isUp(daemon);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    private static string Built()
    {
        if (Environment.GetEnvironmentVariable("UDPTUNNEL_BIN") is { Length: > 0 } given)
        {
            return Path.GetFullPath(Path.Combine(given, "udptunneld"));
        }

        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "UdpTunnel.sln")))
        {
            directory = directory.Parent;
        }

        var program = Path.Combine(directory?.FullName ?? "", "out", "bin", "udptunneld");
        return File.Exists(program)
            ? program
            : throw new InvalidOperationException($"{program} is missing: run `make build` first");
    }

    private void Launch(DaemonSetup setup, string? socket = null, string? state = null)
    {
        Write(_directory["etc/tunnels.d"], setup.ConfigurationFiles);
        Write(_directory["state/tunnels"], setup.StoredTunnels);
        string[] daemon =
        [
            .. setup.Through,
            .. setup.User is { } user ? AnotherUser.Command(user, group: user) : [],
            Program,
            "--socket",
            socket ?? SocketPath,
            "--state-dir",
            state ?? StateDirectory,
            "--config-dir",
            _directory["etc"],
            "--device-dir",
            _directory["devices"],
            .. setup.LookGroup is null ? Array.Empty<string>() : ["--look-group", "udptunnel-look"],
            .. setup.Options,
        ];
        _process = ChildProcess.Start([.. Namespaces(setup), .. daemon]);
    }

    /// <summary>
    /// The command that gives the daemon namespaces of its own; exec, so that the process started is the daemon.
    /// </summary>
    private string[] Namespaces(DaemonSetup setup)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            if (
                setup.OperateGroup is not null
                || setup.LookGroup is not null
                || setup.User is not null
                || setup.Before.Length > 0
            )
            {
                Requirements.Root();
            }

            return [];
        }

        Requirements.Program("/usr/bin/unshare", "util-linux");
        var groups = _directory["group"];
        File.WriteAllLines(
            groups,
            [
                "root:x:0:",
                .. setup.OperateGroup is { } operators ? [$"udptunnel:x:{operators}:"] : Array.Empty<string>(),
                .. setup.LookGroup is { } onlookers ? [$"udptunnel-look:x:{onlookers}:"] : Array.Empty<string>(),
            ]
        );
        var before = $"ip link set lo up\nmount --bind {groups} /etc/group\n{setup.Before}\n";
        if (setup.User is { } user)
        {
            before += $"chown {user} {Directory}\n";
        }

        return ["/usr/bin/unshare", "--net", "--mount", "sh", "-c", $"set -e\n{before}exec \"$@\"", "sh"];
    }

    private static void Write(string directory, IReadOnlyDictionary<string, string> files)
    {
        foreach (var (name, text) in files)
        {
            System.IO.Directory.CreateDirectory(directory);
            File.WriteAllText(Path.Combine(directory, name + ".json"), text);
        }
    }

    private Task IsReadyAsync() =>
        Eventually.BecomesTrueAsync(
            () =>
            {
                Assert.False(Process.HasEnded, $"the daemon ended: {Process.Errors}");
                using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    socket.Connect(new UnixDomainSocketEndPoint(SocketPath));

                    // Connections queue before the tunnels run; the log line comes after.
                    return Process.Errors.Contains("is ready at", StringComparison.Ordinal);
                }
                catch (SocketException)
                {
                    return false;
                }
            },
            () => $"the daemon is not ready: {Process.Errors}"
        );
}
