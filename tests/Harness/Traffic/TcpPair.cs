// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>Both ends of one TCP connection between two hosts.</summary>
internal sealed class TcpPair : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // Long enough for a SYN and its first repetition.
    private static readonly TimeSpan PatienceWithTheUnreachable = TimeSpan.FromSeconds(1.5);

    private TcpPair(Socket dialled, Socket accepted)
    {
        Dialled = dialled;
        Accepted = accepted;
        dialled.NoDelay = true;
        accepted.NoDelay = true;
    }

    /// <summary>The end that connected.</summary>
    public Socket Dialled { get; }

    /// <summary>The end that listened.</summary>
    public Socket Accepted { get; }

    /// <summary>Connects one host to another.</summary>
    /// <param name="dialler">Who connects.</param>
    /// <param name="listener">To whom.</param>
    /// <param name="address">The listener's address to use.</param>
    /// <param name="port">The port to listen on.</param>
    /// <exception cref="TimeoutException">There was no connection in time.</exception>
    public static async Task<TcpPair> OpenAsync(
        Host dialler,
        Host listener,
        string address,
        int port = TunnelFile.Allowed
    ) =>
        await TryOpenAsync(dialler, listener, address, port, Patience)
        ?? throw new TimeoutException($"no TCP connection to {address}:{port} within {Patience}");

    /// <summary>Whether a port can be reached where somebody listens on it.</summary>
    public static async Task<bool> CanOpenAsync(Host dialler, Host listener, string address, int port)
    {
        using var pair = await TryOpenAsync(dialler, listener, address, port, PatienceWithTheUnreachable);
        return pair is not null;
    }

    /// <summary>Sends bytes from one end and waits until they are at the other.</summary>
    /// <param name="from">One end.</param>
    /// <param name="to">The other.</param>
    /// <param name="length">How many.</param>
    /// <param name="deadline">How long at the most.</param>
    public static async Task SayAsync(Socket from, Socket to, int length = 100_000, TimeSpan? deadline = null)
    {
        var said = new byte[length / 8 * 8];
        new RandomContent((ulong)length).Fill(said);
        var heard = new byte[said.Length];
        using var patience = new CancellationTokenSource(deadline ?? Patience);
        var sending = SendAllAsync(from, said, patience.Token);
        var count = 0;
        try
        {
            while (count < heard.Length)
            {
                var received = await to.ReceiveAsync(heard.AsMemory(count), patience.Token);
                Assert.True(received > 0, $"the connection was closed after {count} bytes");
                count += received;
            }

            await sending;
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"only {count} of {heard.Length} bytes arrived within {deadline ?? Patience}");
        }

        Assert.True(said.AsSpan().SequenceEqual(heard), "other bytes arrived than were sent");
    }

    /// <summary>Sends a whole buffer.</summary>
    public static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellation)..];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dialled.Dispose();
        Accepted.Dispose();
    }

    private static async Task<TcpPair?> TryOpenAsync(
        Host dialler,
        Host listener,
        string address,
        int port,
        TimeSpan deadline
    )
    {
        var endpoint = new IPEndPoint(IPAddress.Parse(address), port);
        using var waiting = listener.Open(SocketType.Stream, endpoint.AddressFamily);
        waiting.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        waiting.Bind(endpoint);
        waiting.Listen();
        var dialled = dialler.Open(SocketType.Stream, endpoint.AddressFamily);
        using var patience = new CancellationTokenSource(deadline);
        try
        {
            await dialled.ConnectAsync(endpoint, patience.Token);
            return new TcpPair(dialled, await waiting.AcceptAsync(patience.Token));
        }
        catch (OperationCanceledException)
        {
            dialled.Dispose();
            return null;
        }
        catch
        {
            dialled.Dispose();
            throw;
        }
    }
}
