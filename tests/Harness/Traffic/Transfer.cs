// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Tests.Harness.Proxy;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>Moves a file's worth of random bytes over TCP and compares its SHA-256 at both ends.</summary>
internal static class Transfer
{
    private const int ChunkSize = 256 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Two files at once, one in each direction, over the client's two connections to the server.</summary>
    /// <param name="lab">The hosts, with a tunnel between them.</param>
    /// <param name="length">Bytes of each file, a multiple of 8.</param>
    /// <param name="deadline">How long at the most.</param>
    /// <param name="proxy">
    /// A bad network between them, which is good while the connections begin. The kernel takes the time that a repeated
    /// SYN took for the round trip, and where that is seconds it sends a segment in half a minute from then on.
    /// </param>
    public static async Task BothWaysAsync(Lab lab, long length, TimeSpan? deadline = null, UdpProxy? proxy = null)
    {
        var server = lab.ServerFile.Address;
        proxy?.IsFair = true;
        using var first = await TcpPair.OpenAsync(lab.Client, lab.Server, server, TunnelFile.Allowed);
        using var second = await TcpPair.OpenAsync(lab.Client, lab.Server, server, TunnelFile.AlsoAllowed);
        proxy?.IsFair = false;
        await Task.WhenAll(
            RunAsync(first.Dialled, first.Accepted, length, seed: 1, deadline),
            RunAsync(second.Accepted, second.Dialled, length, seed: 2, deadline)
        );
    }

    /// <summary>Moves one file.</summary>
    /// <param name="from">The end that sends.</param>
    /// <param name="to">The end that receives.</param>
    /// <param name="length">Bytes, a multiple of 8.</param>
    /// <param name="seed">Of the content.</param>
    /// <param name="deadline">How long at the most.</param>
    public static async Task RunAsync(Socket from, Socket to, long length, ulong seed = 1, TimeSpan? deadline = null)
    {
        using var patience = new CancellationTokenSource(deadline ?? Patience);
        var arrived = 0L;
        var sending = Task.Run(() => SendAsync(from, length, seed, patience.Token));
        var receiving = Task.Run(() => ReceiveAsync(to, count => arrived = count, patience.Token));
        try
        {
            await Task.WhenAll(sending, receiving);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"only {arrived} of {length} bytes arrived within {deadline ?? Patience}");
        }

        Assert.Equal(length, arrived);
        Assert.Equal(await sending, await receiving);
    }

    private static async Task<string> SendAsync(Socket socket, long length, ulong seed, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var content = new RandomContent(seed);
        var chunk = new byte[ChunkSize];
        var left = length;
        while (left > 0)
        {
            var part = chunk.AsMemory(0, (int)Math.Min(ChunkSize, left));
            content.Fill(part.Span);
            hash.AppendData(part.Span);
            await TcpPair.SendAllAsync(socket, part, cancellation);
            left -= part.Length;
        }

        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static async Task<string> ReceiveAsync(Socket socket, Action<long> progress, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[ChunkSize];
        var count = 0L;
        while (await socket.ReceiveAsync(chunk, cancellation) is var received and > 0)
        {
            hash.AppendData(chunk.AsSpan(0, received));
            count += received;
            progress(count);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
