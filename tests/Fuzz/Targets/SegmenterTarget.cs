// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Superpackets as a device gives them, virtio header first: what is cut is what the naive segmenter cuts, the
/// superpacket is not changed, and nothing outside of it is read.
/// </summary>
internal sealed unsafe class SegmenterTarget : IFuzzTarget
{
    private readonly GuardedMemory _memory = new(65_536);
    private readonly SendBatch _batch = new(16);
    private const int Mtu = 1300;

    private readonly Segmenter _segmenter = new(new ClassicWireFormat("word"));

    /// <inheritdoc/>
    public string Name => "segmenter";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x45, 0],
        [6],
        [17],
        [0x50, 0x10],
        [0x50, 0x18],
        [0x80, 0x11],
        [1, 1],
        [1, 5],
        [20, 0, 16, 0],
        [20, 0, 6, 0],
        [0xE8, 3],
        [0x4F, 0],
        [0xFF, 0xFF],
        [0x60, 0, 0, 0],
        [1, 4],
        [40, 0, 16, 0],
        [40, 0, 6, 0],
        [60, 64],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        for (var i = 0; i < 20; i++)
        {
            var spec = TestPacket.Any(random, random.OneOf(10, 100, 3000));
            var size = 1 + random.Next(1300);
            yield return [.. Bytes(spec.VirtioHeader(size)), .. spec.BuildSuperpacket()];
        }
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length <= VirtioNetHeader.Size || input.Length > _memory.Length)
        {
            return;
        }

        var all = _memory.PlaceAtEnd(input);
        var header = VirtioNetHeader.Read(all);
        var packet = all + VirtioNetHeader.Size;
        var length = input.Length - VirtioNetHeader.Size;
        if (_segmenter.Plan(packet, length, header, Mtu, out var plan) == DropReason.None)
        {
            Assert.True(_segmenter.TryCut(plan, _batch));
            var bytes = input[VirtioNetHeader.Size..];
            List<byte[]> packets = [.. SentDatagrams.Of(_batch).Select(datagram => datagram[16..])];
            _batch.Clear();
            PacketLists.AssertSame(NaiveSegmenter.Cut(bytes, plan.SegmentSize), packets);
            Assert.All(packets, p => Assert.InRange(p.Length, 20, 1300));
        }

        Assert.True(input.SequenceEqual(new Span<byte>(all, input.Length)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        _batch.Dispose();
    }

    private static byte[] Bytes(VirtioNetHeader header)
    {
        var bytes = new byte[VirtioNetHeader.Size];
        fixed (byte* start = bytes)
        {
            header.Write(start);
        }

        return bytes;
    }
}
