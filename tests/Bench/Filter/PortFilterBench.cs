// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Bench.Filter;

/// <summary>
/// What the filter costs a packet, by the number of flows that take turns at random. One operation is one packet; each
/// batch comes in a second of its own, so that nothing is answered from the last flow but by chance.
/// </summary>
[MemoryDiagnoser]
public unsafe class PortFilterBench : IDisposable
{
    private const int Batch = 65_536;
    private const int PacketSize = 64;

    private PortFilter _filter = null!;
    private byte* _requests;
    private byte* _answers;
    private uint _now;

    /// <summary>Flows that are remembered, and asked for at random.</summary>
    [Params(10, 10_000, 65_536)]
    public int Flows { get; set; }

    /// <summary>Remembers the flows.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _filter = new PortFilter(PortSet.Create([new PortRange(22)]));
        _requests = (byte*)NativeMemory.AllocZeroed(Batch, PacketSize);
        _answers = (byte*)NativeMemory.AllocZeroed(Batch, PacketSize);
        var random = new Random(1);
        for (int index = 0; index < Batch; index++)
        {
            // All flows at least once, whatever chance says.
            int flow = index < Flows ? index : random.Next(Flows);
            int place = random.Next(index + 1);
            Buffer.MemoryCopy(Packet(_requests, place), Packet(_requests, index), PacketSize, PacketSize);
            Buffer.MemoryCopy(Packet(_answers, place), Packet(_answers, index), PacketSize, PacketSize);
            Write(Packet(_requests, place), flow, answer: false);
            Write(Packet(_answers, place), flow, answer: true);
        }

        Requests();
        if (_filter.FlowCount(_now) != Flows || Answers() != Batch)
        {
            throw new InvalidOperationException("not all flows are remembered");
        }
    }

    /// <summary>
    /// Packets that open a flow or keep it alive: each is looked up, and its time is written once a second.
    /// </summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int Requests()
    {
        _now++;
        return Passed(Direction.Out, _requests);
    }

    /// <summary>Answers: each is looked up in the flows of the other direction.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int Answers() => Passed(Direction.In, _answers);

    /// <summary>Frees the filter and the packets.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _filter.Dispose();
        NativeMemory.Free(_requests);
        NativeMemory.Free(_answers);
        GC.SuppressFinalize(this);
    }

    private static byte* Packet(byte* packets, int index) => packets + (index * PacketSize);

    private int Passed(Direction direction, byte* packets)
    {
        int passed = 0;
        for (int index = 0; index < Batch; index++)
        {
            passed +=
                _filter.Check(direction, PacketView.Parse(Packet(packets, index), PacketSize), _now) == DropReason.None
                    ? 1
                    : 0;
        }

        return passed;
    }

    private static void Write(byte* packet, int flow, bool answer)
    {
        uint server = 0x0A000002 + (uint)(flow >> 14);
        new Span<byte>(packet, PacketSize).Clear();
        packet[0] = 0x45;
        packet[Ipv4Header.Protocol] = Ipv4Header.Tcp;
        NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, PacketSize);
        NetworkOrder.WriteUInt32(packet + (answer ? Ipv4Header.Destination : Ipv4Header.Source), 0x0A000001);
        NetworkOrder.WriteUInt32(packet + (answer ? Ipv4Header.Source : Ipv4Header.Destination), server);
        NetworkOrder.WriteUInt16(packet + (answer ? 22 : 20), (ushort)(40_000 + (flow & 0x3FFF)));
        NetworkOrder.WriteUInt16(packet + (answer ? 20 : 22), 22);
        packet[20 + TcpHeader.DataOffset] = 0x50;
    }
}
