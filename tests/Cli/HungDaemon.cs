// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;

namespace UdpTunnel.Tests.Cli;

/// <summary>A daemon that no longer runs but still has its socket: what connects is never answered.</summary>
internal sealed class HungDaemon : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hung-");
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>Where it listens.</summary>
    public string SocketPath => Path.Combine(_directory.FullName, "s");

    /// <summary>The kernel completes connections and takes what is sent, as for a stopped process.</summary>
    public static HungDaemon Start()
    {
        var daemon = new HungDaemon();
        daemon._socket.Bind(new UnixDomainSocketEndPoint(daemon.SocketPath));
        daemon._socket.Listen();
        return daemon;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
