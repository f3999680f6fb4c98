// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Packets as the network brings them: what is coalesced and cut again by the naive device is what came, packet by
/// packet and in order within each flow; unmerged, it is so byte by byte; and nothing outside of the packets is
/// touched. Option 0 of a packet leaves its checksums wrong.
/// </summary>
internal sealed class CoalescerTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "coalescer";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x45, 0],
        [6],
        [17],
        [0x50, 0x10],
        [0x50, 0x18],
        [0x80, 0x10],
        [0x40, 0],
        [0x20, 0],
        [1, 1, 8, 10],
        [1, 0, 40],
        [1, 0, 41],
        [0, 0, 3, 0xE9],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        for (var i = 0; i < 20; i++)
        {
            var packets = random.Chance(50)
                ? RandomTraffic.Stream(random, 1 + random.Next(6))
                : RandomTraffic.Mixed(random, 2, 1 + random.Next(6));
            yield return PacketList.Write(packets.Select(p => ((byte)(p.IsCorrupt ? 0 : 1), p.Bytes)));
        }
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        List<byte[]> packets = [];
        foreach (var (option, packet) in PacketList.Read(input))
        {
            if (packet.Length == 0)
            {
                continue;
            }

            if (option != 0)
            {
                PacketList.FixChecksums(packet);
            }

            packets.Add(packet);
        }

        if (packets.Count == 0)
        {
            return;
        }

        using var batch = new ReceivedBatch(packets);
        using var coalescer = new Coalescer(packets.Count);
        var groups = batch.Coalesce(coalescer);
        var messages = groups.Select(group => ReceivedBatch.Message(coalescer, group)).ToList();
        var expected = PacketFlows.Of(packets);
        var actual = PacketFlows.Of(messages.SelectMany(NaiveDevice.Take));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (flow, inOrder) in expected)
        {
            PacketLists.AssertSame(inOrder, actual[flow]);
        }

        List<string> unmerged = [];
        for (var i = 0; i < groups.Length; i++)
        {
            unmerged.AddRange(
                coalescer.Unmerge(i).ToArray().Select(slice => Convert.ToHexString(slice.Span[VirtioNetHeader.Size..]))
            );
        }

        Assert.Equal(
            packets.Select(p => Convert.ToHexString(p)).Order(StringComparer.Ordinal),
            unmerged.Order(StringComparer.Ordinal)
        );
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
