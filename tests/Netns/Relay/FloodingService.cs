// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// A UDP service that answers the first datagram with as many as its socket takes, until it is disposed of.
/// </summary>
internal sealed class FloodingService : IDisposable
{
    private readonly Socket _socket;
    private readonly Thread _thread;
    private Flood? _flood;
    private volatile bool _stops;

    /// <summary>Takes over a socket and binds it on the loopback.</summary>
    public FloodingService(Socket socket, int port)
    {
        _socket = socket;
        _socket.ReceiveTimeout = 100;
        RelayLab.ShareAddress(_socket);
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Datagrams sent.</summary>
    public long Sent => Volatile.Read(ref _flood)?.Sent ?? 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        _stops = true;
        _thread.Join();
        Volatile.Read(ref _flood)?.Dispose();
        _socket.Dispose();
    }

    private void Run()
    {
        EndPoint client = new IPEndPoint(IPAddress.Any, 0);
        while (!_stops)
        {
            try
            {
                _socket.ReceiveFrom(new byte[2048], ref client);
                _socket.Connect(client);
                Volatile.Write(ref _flood, new Flood(_socket, new byte[1200]));
                return;
            }
            catch (SocketException)
            {
                // Nobody yet.
            }
        }
    }
}
