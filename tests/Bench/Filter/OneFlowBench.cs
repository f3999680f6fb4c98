// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Filter;

/// <summary>
/// What the filter costs a packet of the flow that the packet before belonged to: the usual case within a batch.
/// </summary>
[MemoryDiagnoser]
public unsafe class OneFlowBench : IDisposable
{
    private const int Batch = 1024;
    private const int PacketSize = 64;

    private PortFilter _filter = null!;
    private byte* _packet;

    /// <summary>One packet.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _filter = new PortFilter(PortSet.Create([new PortRange(22)]));
        _packet = (byte*)NativeMemory.AllocZeroed(PacketSize);
        _packet[0] = 0x45;
        _packet[Ipv4Header.Protocol] = Ipv4Header.Tcp;
        NetworkOrder.WriteUInt16(_packet + Ipv4Header.TotalLength, PacketSize);
        NetworkOrder.WriteUInt16(_packet + 20, 40_000);
        NetworkOrder.WriteUInt16(_packet + 22, 22);
        _packet[20 + TcpHeader.DataOffset] = 0x50;
    }

    /// <summary>The same flow again and again, within one second.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int SameFlow()
    {
        int passed = 0;
        for (int index = 0; index < Batch; index++)
        {
            passed += _filter.Check(Direction.Out, PacketView.Parse(_packet, PacketSize), 1) == DropReason.None ? 1 : 0;
        }

        return passed;
    }

    /// <summary>Frees the filter and the packet.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _filter.Dispose();
        NativeMemory.Free(_packet);
        GC.SuppressFinalize(this);
    }
}
