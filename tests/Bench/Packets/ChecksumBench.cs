// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Packets;

/// <summary>The checksum over one packet and over a whole superpacket, from cache.</summary>
[MemoryDiagnoser]
public unsafe class ChecksumBench
{
    private byte* _data;

    [Params(1260, 65_536)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup() => _data = BenchPackets.Allocate(65_536);

    [GlobalCleanup]
    public void Cleanup() => NativeMemory.AlignedFree(_data);

    [Benchmark(Baseline = true)]
    public ulong Best() => Checksum.Sum(_data, Length);

    [Benchmark]
    public ulong Vector128() => Checksum.SumVector128(_data, Length);

    [Benchmark]
    public ulong Scalar() => Checksum.SumScalar(_data, Length);
}
