// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Datagrams as the kernel delivers them, back to back in one buffer between forbidden pages, and what a coalescer
/// makes of their packets.
/// </summary>
internal sealed unsafe class ReceivedBatch : IDisposable
{
    public const int WireHeader = 16;

    private readonly GuardedMemory _memory;
    private readonly List<(int Offset, int Length)> _packets = [];

    public ReceivedBatch(IReadOnlyCollection<byte[]> packets)
    {
        byte[] all =
        [
            .. packets.SelectMany(packet => (byte[])[.. Enumerable.Repeat((byte)0xEE, WireHeader), .. packet]),
        ];
        _memory = new GuardedMemory(all.Length);
        byte* start = _memory.PlaceAtEnd(all);
        int offset = (int)(start - _memory.Start);
        foreach (byte[] packet in packets)
        {
            _packets.Add((offset + WireHeader, packet.Length));
            offset += WireHeader + packet.Length;
        }
    }

    /// <summary>Gives all packets to a coalescer and finishes its groups.</summary>
    public Group[] Coalesce(Coalescer coalescer)
    {
        foreach ((int offset, int length) in _packets)
        {
            Assert.True(coalescer.Add(_memory.Start + offset, length));
        }

        return coalescer.Finish().ToArray();
    }

    /// <summary>The message that a group is written as.</summary>
    public static byte[] Message(Coalescer coalescer, Group group)
    {
        List<byte> message = [];
        for (int i = 0; i < group.SliceCount; i++)
        {
            message.AddRange(coalescer.Slices[group.FirstSlice + i].Span);
        }

        Assert.Equal(group.TotalBytes, message.Count);
        return [.. message];
    }

    /// <summary>All messages of a batch.</summary>
    public static List<byte[]> Messages(IReadOnlyCollection<byte[]> packets, bool mergeTcp = true, bool mergeUdp = true)
    {
        using var batch = new ReceivedBatch(packets);
        using var coalescer = new Coalescer(Math.Max(1, packets.Count)) { MergeTcp = mergeTcp, MergeUdp = mergeUdp };
        return [.. batch.Coalesce(coalescer).Select(group => Message(coalescer, group))];
    }

    public void Dispose() => _memory.Dispose();
}
