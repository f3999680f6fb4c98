// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Datagrams as fast as a socket takes them, until it is disposed of.</summary>
internal sealed class Flood : IDisposable
{
    private readonly Socket _socket;
    private readonly Thread _thread;
    private volatile bool _stops;
    private long _sent;

    /// <param name="socket">A connected socket; it becomes the flood's.</param>
    /// <param name="datagram">What to send.</param>
    public Flood(Socket socket, byte[] datagram)
    {
        _socket = socket;
        _socket.SendTimeout = 100;
        _thread = new Thread(() => Run(datagram)) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Datagrams sent.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <inheritdoc/>
    public void Dispose()
    {
        _stops = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Run(byte[] datagram)
    {
        while (!_stops)
        {
            try
            {
                _socket.Send(datagram);
                Interlocked.Increment(ref _sent);
            }
            catch (SocketException)
            {
                // No room, or nobody there at this moment.
                Thread.Sleep(1);
            }
        }
    }
}
