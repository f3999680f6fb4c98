// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Text;
using UdpTunnel.Access;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;

namespace UdpTunnel.Api;

/// <summary>
/// The control sockets of devices, where <c>wg</c>(8) looks for them: one for each secure tunnel that runs
/// (<see cref="DeviceProtocol"/>). Who may connect is who may operate the daemon; a change is stored as any other.
/// </summary>
internal sealed partial class DeviceSockets : IAsyncDisposable
{
    private const int MostConnections = 16;

    private readonly TunnelHost _host;
    private readonly AccessPolicy _policy;
    private readonly ILogger<DeviceSockets> _log;
    private readonly string _directory;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _places = new(MostConnections);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Device, Socket Listener)> _sockets = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal);

    /// <param name="host">The tunnels.</param>
    /// <param name="policy">Whose group may connect.</param>
    /// <param name="options">Where the sockets go.</param>
    /// <param name="log">Where it is told that one cannot be made.</param>
    public DeviceSockets(TunnelHost host, AccessPolicy policy, DaemonOptions options, ILogger<DeviceSockets> log)
    {
        _host = host;
        _policy = policy;
        _log = log;
        _directory = options.DeviceDirectory;
    }

    /// <summary>Makes sockets from now on, for the tunnels that are there and those that come.</summary>
    public void Start()
    {
        if (_directory.Length > 0)
        {
            _host.Changed += Sync;
            Sync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _host.Changed -= Sync;
        await _stop.CancelAsync();
        lock (_gate)
        {
            foreach (var name in _sockets.Keys.ToList())
            {
                Close(name);
            }
        }

        _stop.Dispose();
        _places.Dispose();
    }

    /// <summary>Has a socket for each secure tunnel that runs, and no other.</summary>
    private void Sync()
    {
        var wanted = _host
            .Running()
            .Where(t => t.Config.Protocol == TunnelProtocol.WireGuard)
            .ToDictionary(t => t.Config.Name, t => t.Device);
        lock (_gate)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            foreach (var (name, held) in _sockets.ToList())
            {
                if (wanted.GetValueOrDefault(name) != held.Device)
                {
                    Close(name);
                }
            }

            foreach (var (name, device) in wanted)
            {
                if (!_sockets.ContainsKey(name))
                {
                    Open(name, device);
                }
            }
        }
    }

    private void Open(string name, string device)
    {
        try
        {
            Directory.CreateDirectory(_directory);
            var listener = ControlSocket.Listen(PathOf(device), _policy.OperateGroup, lookGroup: null);
            _sockets.Add(name, (device, listener));
            _refused.Remove(device);
            _ = Task.Run(() => AcceptAsync(name, listener));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            if (_refused.Add(device))
            {
                LogRefused(PathOf(device), e.Message);
            }
        }
    }

    private void Close(string name)
    {
        if (_sockets.Remove(name, out var held))
        {
            held.Listener.Dispose();
            File.Delete(PathOf(held.Device));
        }
    }

    private string PathOf(string device) => Path.Combine(_directory, $"{device}.sock");

    private async Task AcceptAsync(string name, Socket listener)
    {
        try
        {
            while (true)
            {
                await _places.WaitAsync(_stop.Token);
                var connection = await AcceptOneAsync(listener);
                _ = Task.Run(() => ServeAsync(name, connection));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The socket was closed.
        }
    }

    private async Task<Socket> AcceptOneAsync(Socket listener)
    {
        try
        {
            return await listener.AcceptAsync(_stop.Token);
        }
        catch
        {
            _places.Release();
            throw;
        }
    }

    private async Task ServeAsync(string name, Socket connection)
    {
        try
        {
            using (connection)
            {
                using var stream = new NetworkStream(connection);
                await new DeviceConversation(_host, name, stream).RunAsync(_stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The other side has gone, or takes too long.
        }
        finally
        {
            try
            {
                _places.Release();
            }
            catch (ObjectDisposedException)
            {
                // The daemon ends.
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "there is no control socket of the device at {Path}, which `wg` would look for: {Reason}"
    )]
    private partial void LogRefused(string path, string reason);
}

/// <summary>What one program and a tunnel say to each other: requests and answers in turn.</summary>
internal sealed class DeviceConversation(TunnelHost host, string tunnel, Stream stream)
{
    // As a configuration: 10,000 peers with all their networks.
    private const int MaxRequest = 4 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    /// <summary>Until the other side ends it, or takes too long.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (await ReadAsync(cancellation) is { } lines)
        {
            var answer = await AnswerAsync(lines, cancellation);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(Patience);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), patience.Token);
        }
    }

    private async Task<string> AnswerAsync(List<string> lines, CancellationToken cancellation)
    {
        try
        {
            switch (lines)
            {
                case [DeviceProtocol.Get]:
                    var config = host.FindWithKey(tunnel);
                    return config is null
                        ? DeviceProtocol.End(Errno.NoDevice)
                        : DeviceProtocol.Describe(config, host.List([tunnel])[0]);
                case [DeviceProtocol.Set, ..]:
                    var port = host.List([tunnel])[0].LocalPort;
                    await host.ChangeAsync(tunnel, c => DeviceProtocol.Apply(c, port, lines.Skip(1)), cancellation);
                    return DeviceProtocol.End(Errno.None);
                default:
                    return DeviceProtocol.End(Errno.Invalid);
            }
        }
        catch (DeviceProtocolException e)
        {
            return DeviceProtocol.End(e.Errno);
        }
        catch (RequestException e)
        {
            return DeviceProtocol.End(ToErrno(e.Fault));
        }
    }

    private static Errno ToErrno(Fault fault) =>
        fault switch
        {
            Fault.NoSuchTunnel => Errno.NoDevice,
            Fault.PortTaken or Fault.DeviceTaken => Errno.AddressInUse,
            Fault.AddressOverlap => Errno.Exists,
            Fault.StateNotWritable => Errno.ReadOnlyFileSystem,
            Fault.DaemonLacksPrivilege => Errno.NotPermitted,
            Fault.System or Fault.TunUnavailable or Fault.FirewallRefused => Errno.InputOutput,
            _ => Errno.Invalid,
        };

    /// <returns>The lines of a request, without the empty one at its end; null if there is none any more.</returns>
    private async Task<List<string>?> ReadAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        var lines = new List<string>();
        var line = new StringBuilder();
        for (var length = 0; length < MaxRequest; length++)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = await stream.ReadAsync(_buffer, patience.Token);
                if (_end == 0)
                {
                    return null;
                }
            }

            var next = (char)_buffer[_start++];
            if (next != '\n')
            {
                line.Append(next);
            }
            else if (line.Length > 0)
            {
                lines.Add(line.ToString());
                line.Clear();
            }
            else if (lines.Count > 0)
            {
                return lines;
            }
        }

        return null;
    }
}
