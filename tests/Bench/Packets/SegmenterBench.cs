// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Packets;

/// <summary>Cutting a 61 KB superpacket into 49 packets, all checksums included.</summary>
[MemoryDiagnoser]
public unsafe class SegmenterBench : IDisposable
{
    private const int Length = BenchPackets.HeaderLength + (BenchPackets.Count * BenchPackets.Payload);

    private byte* _superpacket;
    private SendBatch _batch = null!;
    private Segmenter _segmenter = null!;

    [GlobalSetup]
    public void Setup()
    {
        _superpacket = BenchPackets.Allocate(Length);
        BenchPackets.WriteHeaders(_superpacket, Length, 40_000);
        _batch = new SendBatch(BenchPackets.WireHeader);
        _segmenter = new Segmenter(new ClassicWireFormat("bench"));
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _batch.Dispose();
        NativeMemory.AlignedFree(_superpacket);
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public int Cut()
    {
        _batch.Clear();
        _segmenter.Plan(
            PacketView.Parse(_superpacket, Length),
            BenchPackets.Header,
            BenchPackets.Mtu,
            out CutPlan plan
        );
        _segmenter.TryCut(plan, _batch);
        return _batch.RunCount;
    }
}
