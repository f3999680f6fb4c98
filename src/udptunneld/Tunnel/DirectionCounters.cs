// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What one direction of a tunnel carried and dropped. Written by the worker of the tunnel alone, without interlocked
/// operations; read by anybody, who may see a value some nanoseconds old but never a torn one (aligned 64-bit words).
/// </summary>
internal sealed class DirectionCounters
{
    // The numbers of two tunnels must not share a cache line: their workers write with every batch.
    private const int Padding = 16;
    private const int PacketsIndex = Padding;
    private const int BytesIndex = Padding + 1;
    private const int DropsIndex = Padding + 2;

    private static readonly int Reasons = (int)Enum.GetValues<DropReason>().Max() + 1;

    private readonly long[] _values = new long[DropsIndex + Reasons + Padding];

    /// <summary>Inner packets that went through.</summary>
    public long Packets => Volatile.Read(ref _values[PacketsIndex]);

    /// <summary>Their bytes, from the IP header on.</summary>
    public long Bytes => Volatile.Read(ref _values[BytesIndex]);

    /// <summary>Packets dropped for a reason.</summary>
    public long Drops(DropReason reason) => Volatile.Read(ref _values[DropsIndex + (int)reason]);

    /// <summary>All that was dropped in both directions; only what occurred.</summary>
    public static IReadOnlyList<(DropReason Reason, Direction Direction, long Packets)> Drops(
        DirectionCounters outgoing,
        DirectionCounters incoming
    )
    {
        var drops = new List<(DropReason, Direction, long)>();
        foreach (var reason in Enum.GetValues<DropReason>())
        {
            Add(Direction.Out, outgoing.Drops(reason), reason);
            Add(Direction.In, incoming.Drops(reason), reason);
        }

        return drops;

        void Add(Direction direction, long packets, DropReason reason)
        {
            if (packets > 0)
            {
                drops.Add((reason, direction, packets));
            }
        }
    }

    /// <summary>Counts packets that went through.</summary>
    public void Count(long packets, long bytes)
    {
        _values[PacketsIndex] += packets;
        _values[BytesIndex] += bytes;
    }

    /// <summary>Counts packets that were dropped.</summary>
    public void CountDrop(DropReason reason, long packets = 1) => _values[DropsIndex + (int)reason] += packets;
}
