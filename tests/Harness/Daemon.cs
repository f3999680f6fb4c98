// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Harness;

/// <summary>
/// A daemon in a namespace, with directories of its own. It can be stopped and started again, and then finds what it
/// left.
/// </summary>
/// <param name="home">Where it runs.</param>
/// <param name="launcher">
/// A command that runs the words behind it, to start the daemon with less than it needs; empty for none.
/// </param>
internal sealed class Daemon(NetworkNamespace home, params string[] launcher) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly byte[] Http2Greeting = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private readonly TemporaryDirectory _directory = new();
    private ChildProcess? _process;

    /// <summary>The control socket.</summary>
    public string SocketPath => _directory["socket"];

    /// <summary>The state directory.</summary>
    public string StateDirectory => _directory["state"];

    /// <summary>The configuration directory.</summary>
    public string ConfigDirectory => _directory["config"];

    /// <summary>Where the control sockets of secure tunnels' devices are.</summary>
    public string DeviceDirectory => _directory["devices"];

    /// <summary>Asks it things.</summary>
    public Control Control => new(SocketPath);

    /// <summary>Process id.</summary>
    public int Id => _process!.Id;

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => _process!.IsRunning;

    /// <summary>How long it took the last time until it answered.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>What it wrote to standard error since it was started last.</summary>
    public string Log => _process!.Text;

    /// <summary>Starts it, and waits until it answers at its socket.</summary>
    public async Task StartAsync()
    {
        _process?.Dispose();
        _process = home.Start(
            "udptunneld",
            [
                .. launcher,
                Programs.Daemon,
                "--socket",
                SocketPath,
                "--state-dir",
                StateDirectory,
                "--config-dir",
                ConfigDirectory,
                "--device-dir",
                DeviceDirectory,
            ]
        );
        StartTime = await WaitFor.TrueAsync(AnswersAsync, "udptunneld to answer at its socket", Patience);
    }

    /// <summary>Starts a tunnel, which must succeed.</summary>
    /// <returns>How it is.</returns>
    public async Task<TunnelStatus> UpAsync(TunnelFile file) =>
        new((await Control.RunAsync("up", Write(file))).Json.GetProperty("tunnel"));

    /// <summary>Writes a file.</summary>
    /// <returns>Its path.</returns>
    public string Write(TunnelFile file)
    {
        var path = _directory[$"{file.Name}.json"];
        File.WriteAllText(path, file.ToJson());
        return path;
    }

    /// <summary>Lets everybody into the directory, so that the socket's own mode decides who may connect.</summary>
    public void LetEverybodyIn() => _directory.LetEverybodyIn();

    /// <summary>SIGTERM, and waits until it has ended.</summary>
    /// <returns>The exit code.</returns>
    public Task<int> TerminateAsync() => EndAsync("TERM");

    /// <summary>A signal that ends it in good order, and waits until it has ended.</summary>
    /// <returns>The exit code.</returns>
    public Task<int> EndAsync(string signal) => _process!.EndAsync(signal);

    /// <summary>SIGKILL.</summary>
    /// <param name="patience">How long the kernel may take to clean up, if longer than usual.</param>
    public Task KillAsync(TimeSpan? patience = null) => _process!.KillAsync(patience);

    /// <summary>Any other signal.</summary>
    public Task SignalAsync(string signal) => _process!.SignalAsync(signal);

    /// <summary>Waits until it has saved a connection, which it does once a second.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="port">The connection's port.</param>
    public Task WaitUntilSavedAsync(string tunnel, int port) =>
        WaitFor.TrueAsync(
            () =>
            {
                var path = Path.Combine(StateDirectory, "sessions", tunnel);
                return File.Exists(path)
                    && File.ReadAllText(path)
                        .Contains(string.Create(CultureInfo.InvariantCulture, $":{port} "), StringComparison.Ordinal);
            },
            $"the connection of port {port} in the state directory"
        );

    /// <inheritdoc/>
    public void Dispose()
    {
        _process?.Dispose();
        _directory.Dispose();
    }

    /// <summary>The socket takes connections before there is somebody to answer, so only an answer counts.</summary>
    private async Task<bool> AnswersAsync()
    {
        if (_process is { IsRunning: false })
        {
            throw new InvalidOperationException($"udptunneld ended at once and said: {_process.Text}");
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), patience.Token);
            await socket.SendAsync(Http2Greeting, patience.Token);
            return await socket.ReceiveAsync(new byte[64], patience.Token) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
