// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>A UDP service that sends each datagram back to where it came from.</summary>
internal sealed class EchoService : IDisposable
{
    private readonly Socket _socket;
    private readonly Func<byte[], bool> _answers;
    private readonly Task _work;
    private long _received;

    /// <summary>Takes over a socket and binds it on the loopback.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="port">Its port.</param>
    /// <param name="answers">Whether to answer a datagram (more bytes may follow it); null for always.</param>
    /// <param name="address">Where to listen; null for 127.0.0.1.</param>
    public EchoService(Socket socket, int port, Func<byte[], bool>? answers = null, IPAddress? address = null)
    {
        _socket = socket;
        _answers = answers ?? (_ => true);
        _socket.ReceiveBufferSize = 4 << 20;
        _socket.SendBufferSize = 1 << 20;
        RelayLab.ShareAddress(_socket);
        _socket.Bind(new IPEndPoint(address ?? IPAddress.Loopback, port));
        _work = Task.Run(RunAsync);
    }

    /// <summary>Datagrams that arrived.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _work.Wait();
    }

    private async Task RunAsync()
    {
        var buffer = new byte[65_535];
        try
        {
            while (true)
            {
                var got = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                Interlocked.Increment(ref _received);
                if (_answers(buffer))
                {
                    await _socket.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), got.RemoteEndPoint);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }
}
