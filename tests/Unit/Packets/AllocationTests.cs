// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Memory;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Nothing on the packet path allocates: one forgotten closure would wake the garbage collector at a million packets a
/// second.
/// </summary>
public sealed unsafe class AllocationTests
{
    [Fact]
    public void Segmenting_and_batching_allocate_nothing()
    {
        var tcp = new TestPacket { Payload = new byte[61_000] };
        TestPacket udp = tcp with { IsUdp = true };
        using var tcpMemory = new GuardedMemory(70_000);
        using var udpMemory = new GuardedMemory(70_000);
        byte* tcpPacket = tcpMemory.PlaceAtEnd(tcp.BuildSuperpacket());
        byte* udpPacket = udpMemory.PlaceAtEnd(udp.BuildSuperpacket());
        VirtioNetHeader tcpHeader = tcp.VirtioHeader(1248);
        VirtioNetHeader udpHeader = udp.VirtioHeader(1248);
        var segmenter = new Segmenter(new ClassicWireFormat("word"));
        using var batch = new SendBatch(16);
        int datagrams = 0;
        Allocated.AssertNothing(() =>
        {
            batch.Clear();
            _ = segmenter.Plan(tcpPacket, 61_040, tcpHeader, 1300, out CutPlan plan);
            _ = segmenter.TryCut(plan, batch);
            _ = segmenter.Plan(udpPacket, 61_028, udpHeader, 1300, out plan);
            _ = segmenter.TryCut(plan, batch);
            _ = batch.AddDatagram(tcpPacket, 1000, 1000);
            foreach (Run run in batch.Runs)
            {
                datagrams += run.Datagrams;
            }
        });
        Assert.Equal(0, datagrams % 99);
    }

    [Fact]
    public void Coalescing_and_unmerging_allocate_nothing()
    {
        byte[][] packets =
        [
            .. CoalescerTests.Train(new TestPacket(), [.. Enumerable.Repeat(1248, 49)]),
            .. CoalescerTests.Train(new TestPacket { IsUdp = true }, [.. Enumerable.Repeat(100, 49)]),
            [1, 2, 3],
        ];
        using var memory = new GuardedMemory(100 * 1500);
        using var coalescer = new Coalescer();
        int[] lengths = [.. packets.Select(packet => packet.Length)];
        for (int i = 0; i < packets.Length; i++)
        {
            packets[i].CopyTo(new Span<byte>(memory.Start + (i * 1500) + 16, 1400));
        }

        int groups = 0;
        Allocated.AssertNothing(() =>
        {
            coalescer.Clear();
            for (int i = 0; i < lengths.Length; i++)
            {
                _ = coalescer.Add(memory.Start + (i * 1500) + 16, lengths[i]);
            }

            groups = coalescer.Finish().Length;
            for (int i = 0; i < groups; i++)
            {
                _ = coalescer.Unmerge(i);
            }
        });
        Assert.Equal(3, groups);
    }

    [Fact]
    public void Checksums_and_the_wire_format_allocate_nothing()
    {
        byte[] packet = new TestPacket { Payload = new byte[1000] }.Build();
        using var memory = new GuardedMemory(2000);
        byte* start = memory.PlaceAtEnd([.. new byte[16], .. packet]);
        var format = new ClassicWireFormat("word");
        bool right = true;
        Allocated.AssertNothing(() =>
        {
            format.Seal(start, packet.Length);
            right &= format.Open(start, packet.Length + 16) == DropReason.None;
            right &= Checksum.VerifyIpv4Header(start + 16, 20);
            right &= Checksum.VerifyTransport(start + 16, packet[9], 20, packet.Length);
            right &= Checksum.SumVector128(start, 1000) > 0 && Checksum.SumScalar(start, 1000) > 0;
            right &= Checksum.Complete(start + 16, packet.Length, 20, 16) || right;
            packet.CopyTo(new Span<byte>(start + 16, packet.Length));
            right &= VirtioNetHeader.Read(start).GsoSize >= 0;
        });
        Assert.True(right);
    }
}
