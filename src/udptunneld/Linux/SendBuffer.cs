// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>
/// How large the send buffer of a socket should be, in bytes as <c>SO_SNDBUF</c> takes them (the kernel allows twice as
/// much memory). A full buffer loses packets, and a large one in front of a slow link delays them by seconds. So it
/// holds a quarter of a second of the link, once the link's rate is known: while the buffer never runs empty, the link
/// takes exactly what leaves the buffer. Pure.
/// </summary>
/// <remarks>Called about once a second, by one thread at a time.</remarks>
internal sealed class SendBuffer
{
    /// <summary>The size until something else is known, and the largest. docs/performance.md compares sizes.</summary>
    public const int Largest = 1024 * 1024;

    /// <summary>The smallest: two runs of datagrams.</summary>
    public const int Smallest = 64 * 1024;

    private const long TargetMilliseconds = 250;

    // Shorter intervals say little about a rate.
    private const long LeastMilliseconds = 500;

    private long _time;
    private long _sent;
    private long _refused;
    private long _waiting;

    /// <summary>The size that was decided last.</summary>
    public int Size { get; private set; } = Largest;

    /// <summary>Decides anew.</summary>
    /// <param name="now">Milliseconds of a monotonic clock.</param>
    /// <param name="sent">Bytes that the socket has taken so far.</param>
    /// <param name="refused">Datagrams for which it had no room so far.</param>
    /// <param name="waiting">Bytes of memory that wait in the buffer, or below it in the queue of the device.</param>
    /// <returns>Whether <see cref="Size"/> has changed.</returns>
    public bool Fit(long now, long sent, long refused, long waiting)
    {
        var elapsed = now - _time;
        if (elapsed < LeastMilliseconds)
        {
            return false;
        }

        var taken = sent - _sent;
        var isStanding = _time != 0 && _waiting >= Smallest && waiting >= Smallest;
        var wanted = (isStanding ? Math.Max(0, taken + _waiting - waiting) : taken) * TargetMilliseconds / elapsed;
        if (!isStanding)
        {
            // The link may take more than it was given; if a burst was too large all the same, the buffer is too small.
            wanted = Math.Max(wanted, refused == _refused ? Size : 2L * Size);
        }

        _time = now;
        _sent = sent;
        _refused = refused;
        _waiting = waiting;
        var size = (int)Math.Clamp(wanted, Smallest, Largest);

        // Small differences are the traffic's, not the link's.
        if (Math.Abs(size - Size) <= Size / 4 && size is not (Smallest or Largest))
        {
            return false;
        }

        var changed = size != Size;
        Size = size;
        return changed;
    }
}
