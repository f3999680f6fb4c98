// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Packets;

/// <summary>
/// Coalescing received packets, checksums verified, and restoring their headers. 49 packets a stream; several streams
/// arrive in whole trains or packet by packet in turns, the worst case of the table of open flows.
/// </summary>
[MemoryDiagnoser]
public unsafe class CoalescerBench : IDisposable
{
    private const int Datagram = BenchPackets.WireHeader + BenchPackets.PacketLength;
    private const int StreamBytes = BenchPackets.Count * Datagram;

    private byte* _received;
    private Coalescer _coalescer = null!;

    [Params(1, 8)]
    public int Streams { get; set; }

    [Params(1, BenchPackets.Count)]
    public int Train { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        const int Length = BenchPackets.HeaderLength + (BenchPackets.Count * BenchPackets.Payload);
        byte* superpacket = BenchPackets.Allocate(Length);
        _received = BenchPackets.Allocate(Streams * StreamBytes);
        for (int i = 0; i < Streams; i++)
        {
            BenchPackets.WriteHeaders(superpacket, Length, (ushort)(40_000 + i));
            BenchPackets.Receive(superpacket, _received + (i * StreamBytes));
        }

        NativeMemory.AlignedFree(superpacket);
        _coalescer = new Coalescer();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _coalescer.Dispose();
        NativeMemory.AlignedFree(_received);
        GC.SuppressFinalize(this);
    }

    [Benchmark]
    public int Coalesce()
    {
        _coalescer.Clear();
        for (int first = 0; first < BenchPackets.Count; first += Train)
        {
            for (int stream = 0; stream < Streams; stream++)
            {
                byte* datagram = _received + (stream * StreamBytes) + (first * Datagram);
                for (int packet = 0; packet < Train; packet++)
                {
                    _coalescer.Add(PacketView.Parse(datagram + BenchPackets.WireHeader, BenchPackets.PacketLength));
                    datagram += Datagram;
                }
            }
        }

        int groups = _coalescer.Finish().Length;

        // The first packets' headers have been patched; the next round needs them as they were received.
        for (int i = 0; i < groups; i++)
        {
            _coalescer.Unmerge(i);
        }

        return groups;
    }
}
