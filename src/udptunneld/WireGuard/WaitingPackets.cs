// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Memory;

namespace UdpTunnel.WireGuard;

/// <summary>
/// Packets that wait for a handshake, of all peers of a tunnel: copies in one piece of memory, cut into chunks that
/// packets take as many of as they need. A peer may have 128 packets in a quarter of it.
/// </summary>
/// <remarks>
/// When a peer's share is full, its oldest packet makes room: what a host sends again is what it sent last. Chunks that
/// nobody has used cost no memory. For one thread at a time.
/// </remarks>
internal sealed unsafe class WaitingPackets : IDisposable
{
    /// <summary>Packets of one peer at most.</summary>
    public const int MaxPackets = 128;

    private const int ChunkSize = 2048;
    private const int Chunks = 1024;
    private const int MaxChunks = Chunks / 4;
    private const int None = -1;

    private readonly NativeBuffer _memory = new(Chunks * ChunkSize);

    // The chunk behind each one, of a packet or of those that are free, and the length of the packet that begins in it.
    private readonly int[] _next = new int[Chunks];
    private readonly int[] _lengths = new int[Chunks];
    private int _free;
    private int _freeCount = Chunks;

    /// <summary>All of it is free.</summary>
    public WaitingPackets()
    {
        for (int i = 0; i < Chunks; i++)
        {
            _next[i] = i + 1 < Chunks ? i + 1 : None;
        }
    }

    /// <summary>Chunks that nobody uses.</summary>
    internal int Free => _freeCount;

    /// <summary>Puts a packet behind the others of a peer.</summary>
    /// <param name="queue">The peer's.</param>
    /// <param name="packet">Is copied.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="dropped">How many older packets of the peer were dropped for it.</param>
    /// <returns>Whether it found room.</returns>
    public bool Add(ref Queue queue, byte* packet, int length, out int dropped)
    {
        int needed = Math.Max(1, (length + ChunkSize - 1) / ChunkSize);
        dropped = 0;
        if (needed > MaxChunks)
        {
            return false;
        }

        while (
            queue.Packets > 0
            && (queue.Packets >= MaxPackets || queue.Chunks + needed > MaxChunks || needed > _freeCount)
        )
        {
            Release(ref queue);
            dropped++;
        }

        if (needed > _freeCount)
        {
            return false;
        }

        int first = None;
        int last = None;
        for (int copied = 0, i = 0; i < needed; i++, copied += ChunkSize)
        {
            int chunk = _free;
            _free = _next[chunk];
            Buffer.MemoryCopy(packet + copied, Start(chunk), ChunkSize, Math.Min(ChunkSize, length - copied));
            if (first == None)
            {
                first = chunk;
            }
            else
            {
                _next[last] = chunk;
            }

            last = chunk;
        }

        _freeCount -= needed;
        _next[last] = None;
        _lengths[first] = length;
        if (queue.Packets == 0)
        {
            queue.First = first;
        }
        else
        {
            _next[queue.Last] = first;
        }

        queue.Last = last;
        queue.Packets++;
        queue.Chunks += needed;
        return true;
    }

    /// <summary>Takes the oldest packet of a peer.</summary>
    /// <param name="queue">The peer's, not empty.</param>
    /// <param name="packet">Room for the longest one.</param>
    /// <returns>Its length.</returns>
    public int Take(ref Queue queue, byte* packet)
    {
        int length = _lengths[queue.First];
        int chunk = queue.First;
        for (int copied = 0; copied < length; copied += ChunkSize)
        {
            Buffer.MemoryCopy(Start(chunk), packet + copied, length - copied, Math.Min(ChunkSize, length - copied));
            chunk = _next[chunk];
        }

        Release(ref queue);
        return length;
    }

    /// <summary>Drops all packets of a peer.</summary>
    /// <returns>How many there were.</returns>
    public int Clear(ref Queue queue)
    {
        int dropped = queue.Packets;
        while (queue.Packets > 0)
        {
            Release(ref queue);
        }

        return dropped;
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>Gives back the chunks of the oldest packet.</summary>
    private void Release(ref Queue queue)
    {
        int chunks = Math.Max(1, (_lengths[queue.First] + ChunkSize - 1) / ChunkSize);
        int chunk = queue.First;
        for (int i = 0; i < chunks; i++)
        {
            int next = _next[chunk];
            _next[chunk] = _free;
            _free = chunk;
            chunk = next;
        }

        queue.First = chunk;
        queue.Packets--;
        queue.Chunks -= chunks;
        _freeCount += chunks;
    }

    private byte* Start(int chunk) => _memory.Start + ((nuint)chunk * ChunkSize);

    /// <summary>What waits of one peer: nothing, by default.</summary>
    internal struct Queue
    {
        /// <summary>How many packets wait.</summary>
        public int Packets;

        /// <summary>Chunks that they take.</summary>
        public int Chunks;

        /// <summary>First chunk of the oldest packet.</summary>
        public int First;

        /// <summary>Last chunk of the newest packet.</summary>
        public int Last;
    }
}
