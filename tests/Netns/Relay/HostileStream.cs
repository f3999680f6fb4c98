// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>A TCP connection that sends what it likes, whether or not the other end still wants it.</summary>
internal sealed class HostileStream : IDisposable
{
    private readonly Socket _socket;

    private HostileStream(Socket socket) => _socket = socket;

    /// <summary>As the receiver shows it.</summary>
    public string Address => _socket.LocalEndPoint!.ToString()!;

    /// <summary>Connects.</summary>
    public static async Task<HostileStream> ConnectAsync(Host host, IPEndPoint target)
    {
        var socket = host.Open(SocketType.Stream);
        socket.NoDelay = true;
        await socket.ConnectAsync(target);
        return new HostileStream(socket);
    }

    /// <summary>Sends bytes, as far as the other end takes them.</summary>
    public async Task WriteAsync(byte[] bytes)
    {
        try
        {
            await _socket.SendAsync(bytes);
        }
        catch (SocketException)
        {
            // The other end has had enough.
        }
    }

    /// <summary>
    /// Sends a beginning, and then the same bytes again and again until the other end closes or so many were sent.
    /// </summary>
    public async Task WriteEndlesslyAsync(byte[] beginning, byte[] again, long count)
    {
        try
        {
            await _socket.SendAsync(beginning);
            for (long sent = 0; sent < count; sent += again.Length)
            {
                await _socket.SendAsync(again);
            }
        }
        catch (SocketException)
        {
            // The other end has had enough.
        }
    }

    /// <summary>Waits for the other end to close.</summary>
    /// <returns>Whether it did in time.</returns>
    public async Task<bool> EndsAsync(TimeSpan deadline)
    {
        using var limit = new CancellationTokenSource(deadline);
        var buffer = new byte[4096];
        try
        {
            while (await _socket.ReceiveAsync(buffer, limit.Token) > 0) { }

            return true;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
