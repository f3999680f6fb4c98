// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Packets;

/// <summary>
/// What the benchmarks work on: a 61 KB superpacket that becomes 49 packets of 1,300 bytes, as docs/performance.md
/// describes.
/// </summary>
internal static unsafe class BenchPackets
{
    public const int Count = 49;
    public const int Payload = 1248;
    public const int HeaderLength = 20 + 20 + 12;
    public const int PacketLength = HeaderLength + Payload;
    public const int WireHeader = 16;
    public const int Mtu = 1300;

    public static byte* Allocate(int length)
    {
        var start = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
        new Random(1).NextBytes(new Span<byte>(start, length));
        return start;
    }

    public static VirtioNetHeader Header =>
        new()
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = VirtioNetHeader.TcpV4,
            HeaderLength = HeaderLength,
            GsoSize = Payload,
            ChecksumStart = 20,
            ChecksumOffset = 16,
        };

    /// <summary>Writes TCP and IP headers in front of whatever payload is there.</summary>
    public static void WriteHeaders(byte* packet, int length, ushort sourcePort)
    {
        new Span<byte>(packet, HeaderLength).Clear();
        packet[0] = 0x45;
        NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, (ushort)length);
        packet[Ipv4Header.FragmentWord] = 0x40;
        packet[Ipv4Header.TimeToLive] = 64;
        packet[Ipv4Header.Protocol] = Ipv4Header.Tcp;
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Source, 0x0A000001);
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Destination, 0x0A000002);
        NetworkOrder.WriteUInt16(packet + 20, sourcePort);
        NetworkOrder.WriteUInt16(packet + 22, 5201);
        packet[20 + TcpHeader.DataOffset] = (HeaderLength - 20) / 4 << 4;
        packet[20 + TcpHeader.Flags] = TcpHeader.Ack;
    }

    /// <summary>Cuts a superpacket and lays its packets out as received datagrams, back to back.</summary>
    public static void Receive(byte* superpacket, byte* datagrams)
    {
        using var batch = new SendBatch(WireHeader);
        var segmenter = new Segmenter(new ClassicWireFormat("bench"));
        segmenter.Plan(PacketView.Parse(superpacket, HeaderLength + (Count * Payload)), Header, Mtu, out CutPlan plan);
        segmenter.TryCut(plan, batch);
        for (int i = 0; i < batch.SliceCount; i++)
        {
            Span<byte> bytes = batch.Slices[i].Span;
            bytes.CopyTo(new Span<byte>(datagrams, bytes.Length));
            datagrams += bytes.Length;
        }
    }
}
