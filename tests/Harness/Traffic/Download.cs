// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Security.Cryptography;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>
/// A file that is sent at a moderate pace until it is told to end, whatever happens to the network meanwhile.
/// </summary>
internal sealed class Download : IAsyncDisposable
{
    private const int ChunkSize = 64 * 1024;

    // Slow enough that the machine has time for what the test is about.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _enough = new();
    private readonly CancellationTokenSource _patience = new();
    private readonly Task<string> _sending;
    private readonly Task<string> _receiving;
    private long _received;

    /// <summary>Starts it.</summary>
    public Download(Socket from, Socket to)
    {
        _sending = SendAsync(from);
        _receiving = ReceiveAsync(to);
    }

    /// <summary>Waits until some more of it has arrived.</summary>
    /// <returns>How long it took.</returns>
    public Task<TimeSpan> WaitForMoreAsync(TimeSpan? deadline = null)
    {
        var enough = Volatile.Read(ref _received) + (4 * ChunkSize);
        return WaitFor.TrueAsync(HasMoreAsync, "the download to go on", deadline);

        async Task<bool> HasMoreAsync()
        {
            // What broke it says more than that it does not go on.
            if (Array.Find([_sending, _receiving], task => task.IsFaulted) is { } broken)
            {
                await broken;
            }

            return Volatile.Read(ref _received) >= enough;
        }
    }

    /// <summary>Ends it and compares what arrived with what was sent.</summary>
    public async Task FinishAsync()
    {
        _patience.CancelAfter(Patience);
        await _enough.CancelAsync();
        Assert.Equal(await _sending, await _receiving);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _patience.CancelAsync();
        Task both = Task.WhenAll(_sending, _receiving);
        await both.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _enough.Dispose();
        _patience.Dispose();
    }

    private async Task<string> SendAsync(Socket socket)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var content = new RandomContent(seed: 7);
        var chunk = new byte[ChunkSize];
        while (!_enough.IsCancellationRequested)
        {
            content.Fill(chunk);
            hash.AppendData(chunk);
            await TcpPair.SendAllAsync(socket, chunk, _patience.Token);
            await Task.Delay(Pace);
        }

        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private async Task<string> ReceiveAsync(Socket socket)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[ChunkSize];
        while (await socket.ReceiveAsync(chunk, _patience.Token) is var received and > 0)
        {
            hash.AppendData(chunk.AsSpan(0, received));
            Volatile.Write(ref _received, _received + received);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
