// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Tests.Harness;

/// <summary>A network namespace of its own name, which goes when it is disposed of, with all that runs in it.</summary>
internal sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const int CLONE_NEWNET = 0x40000000;

    private readonly List<ChildProcess> _children = [];

    private NetworkNamespace(string name) => Name = name;

    /// <summary>As <c>ip netns</c> shows it.</summary>
    public string Name { get; }

    /// <summary>Makes a namespace; its loopback is up.</summary>
    /// <param name="role">The beginning of its name, for people.</param>
    public static async Task<NetworkNamespace> CreateAsync(string role)
    {
        var name = $"udptunnel-{role}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        (await Command.RunAsync(["ip", "netns", "add", name])).RequireSuccess();
        var result = new NetworkNamespace(name);
        AtExit.Add(result, result.Delete);
        await result.IpAsync("link set lo up");

        // Ports that tests name themselves: the kernel gives them to nobody who asks for any.
        await result.RunAsync("sysctl", "-q", "-w", "net.ipv4.ip_local_reserved_ports=40000-40999");
        return result;
    }

    /// <summary>Runs <c>ip</c> commands in it, one a line.</summary>
    /// <exception cref="InvalidOperationException">One failed.</exception>
    public async Task IpAsync(string lines) =>
        (await Command.RunAsync(["ip", "-n", Name, "-batch", "-"], lines)).RequireSuccess();

    /// <summary>Runs a program in it to its end.</summary>
    public Task<CommandResult> TryAsync(params string[] words) => Command.RunAsync(Inside(words));

    /// <summary>As <see cref="TryAsync"/>, for a program that must succeed.</summary>
    /// <returns>What it wrote.</returns>
    public async Task<string> RunAsync(params string[] words) => (await TryAsync(words)).RequireSuccess().Output;

    /// <summary>Feeds a ruleset to <c>nft</c>.</summary>
    public async Task NftAsync(string ruleset) =>
        (await Command.RunAsync(Inside(["nft", "-f", "-"]), ruleset)).RequireSuccess();

    /// <summary>Starts a program in it that goes with it.</summary>
    public ChildProcess Start(string name, params string[] words)
    {
        var child = ChildProcess.Start(name, Inside(words));
        _children.Add(child);
        return child;
    }

    /// <summary>
    /// Opens a socket in it. A socket stays in the namespace it was opened in, whoever uses it, so that tests talk
    /// through tunnels from this process.
    /// </summary>
    public Socket Open(AddressFamily family, SocketType type, ProtocolType protocol)
    {
        Socket? socket = null;
        ExceptionDispatchInfo? failure = null;

        // A thread that entered a namespace is not given back to anybody.
        var thread = new Thread(() =>
        {
            try
            {
                using var handle = File.OpenHandle($"/run/netns/{Name}", share: FileShare.ReadWrite | FileShare.Delete);
                if (EnterNamespace(handle, CLONE_NEWNET) < 0)
                {
                    throw new IOException($"cannot enter {Name}: {Marshal.GetLastPInvokeErrorMessage()}");
                }

                socket = new Socket(family, type, protocol);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return socket!;
    }

    /// <summary>Names of its network devices, the loopback left out.</summary>
    public async Task<string[]> DevicesAsync()
    {
        var lines = await Command.RunAsync(["ip", "-n", Name, "-brief", "link"]);
        return
        [
            .. lines
                .RequireSuccess()
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(' ', '@')[0])
                .Where(device => device != "lo"),
        ];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await Task.Run(() => AtExit.Undo(this));

    private void Delete()
    {
        foreach (var child in _children)
        {
            child.Dispose();
        }

        // What a child of ours started runs here too, and a namespace with a process in it only loses its name.
        var left = Command.RunAsync(["ip", "netns", "pids", Name]).Result.Output;
        foreach (var id in left.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Command.RunAsync(["kill", "-KILL", id]).Wait();
        }

        Command.RunAsync(["ip", "netns", "delete", Name]).Wait();
    }

    private string[] Inside(string[] words) => ["ip", "netns", "exec", Name, .. words];

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int EnterNamespace(SafeFileHandle handle, int type);
}
