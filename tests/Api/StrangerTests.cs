// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Text;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>Connections that do not speak gRPC: closed, and nobody else notices.</summary>
public sealed class StrangerTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("POST /udptunnel.v1.TunnelService/StopTunnel HTTP/1.0\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2 or so\r\n")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n")]
    [InlineData(Preface + "\0\0\u0004\0\0\0\0\0\0data for stream 0")]
    [InlineData(Preface + "\0\0\u0004\u0008\0\0\0\0\0\0\0\0\0a window update of 0")]
    [InlineData(Preface + "this is no frame at all, whatever its length says")]
    public async Task What_is_not_HTTP_2_is_closed(string greeting)
    {
        using var socket = await ControlChannel.ConnectAsync(fixture.Daemon.SocketPath, Cancellation);
        await socket.SendAsync(Encoding.Latin1.GetBytes(greeting), Cancellation);

        await IsClosedAsync(socket);

        await IsServedAsync();
    }

    [Fact]
    public async Task Random_bytes_are_closed()
    {
        var random = new Random(11);
        for (var i = 0; i < 50; i++)
        {
            var bytes = new byte[random.Next(24, 5000)];
            random.NextBytes(bytes);
            using var socket = await ControlChannel.ConnectAsync(fixture.Daemon.SocketPath, Cancellation);
            await SendAsync(socket, i % 2 == 0 ? bytes : [.. Encoding.ASCII.GetBytes(Preface), .. bytes]);

            // What happens to look like the start of a long frame waits for its rest; there is none.
            socket.Shutdown(SocketShutdown.Send);
            await IsClosedAsync(socket);
        }

        await IsServedAsync();
    }

    [Fact]
    public async Task Half_a_preface_keeps_nobody_waiting()
    {
        var sockets = new List<Socket>();
        try
        {
            for (var i = 1; i < Preface.Length; i++)
            {
                var socket = await ControlChannel.ConnectAsync(fixture.Daemon.SocketPath, Cancellation);
                sockets.Add(socket);
                await socket.SendAsync(Encoding.ASCII.GetBytes(Preface[..i]), Cancellation);
            }

            await IsServedAsync();
            foreach (var socket in sockets)
            {
                socket.Shutdown(SocketShutdown.Send);
                await IsClosedAsync(socket);
            }
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        try
        {
            await socket.SendAsync(bytes, Cancellation);
        }
        catch (SocketException)
        {
            // Closed before it had heard all.
        }
    }

    /// <summary>Reads what the daemon has to say, to the end.</summary>
    private static async Task IsClosedAsync(Socket socket)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(10));
        var buffer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(buffer, deadline.Token) > 0)
            {
                // GOAWAY, or HTTP/1's 400.
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Closed with our bytes unread.
        }
    }

    private async Task IsServedAsync()
    {
        using var channel = new ControlChannel(fixture.Daemon.SocketPath);
        await channel.Daemon.GetDaemonAsync(
            new GetDaemonRequest(),
            deadline: DateTime.UtcNow.AddSeconds(10),
            cancellationToken: Cancellation
        );
    }
}
