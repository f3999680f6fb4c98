// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Bench.WireGuard;

/// <summary>
/// What a packet costs on its way through an engine with a number of peers that take turns, 32 packets at a time:
/// routed and sealed; and sealed by the peer, opened and checked, of which sealing is half.
/// </summary>
[MemoryDiagnoser]
public unsafe class SessionBench : IDisposable
{
    private const int Batch = 32;
    private const int Room = 2048;

    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(Batch * Room);
    private EnginePairs _pairs = null!;
    private byte[][] _out = null!;
    private byte[][] _in = null!;
    private int _next;

    /// <summary>Bytes of a packet.</summary>
    [Params(64, 1420)]
    public int Length { get; set; }

    /// <summary>Peers with a session.</summary>
    [Params(1, 10_000)]
    public int Peers { get; set; }

    /// <summary>Brings up a session with each peer.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _pairs = new EnginePairs(Peers);
        _pairs.ConnectAll(1_000_000);
        _out = [.. Enumerable.Range(0, Peers).Select(peer => EnginePairs.Packet(peer, Length, isToPeer: true))];
        _in = [.. Enumerable.Range(0, Peers).Select(peer => EnginePairs.Packet(peer, Length, isToPeer: false))];
    }

    /// <summary>To a peer.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int RouteAndSeal() => Seal(_pairs.Engine, _out[_next++ % Peers]);

    /// <summary>From a peer.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int SealAndOpen()
    {
        int peer = _next++ % Peers;
        int length = Seal(_pairs.OtherOf(peer), _in[peer]);
        int opened = 0;
        for (int i = 0; i < Batch; i++)
        {
            opened += _pairs.Engine.Receive(_memory + (i * Room), length, EnginePairs.Address).Length;
        }

        return opened == Batch * Length ? opened : throw new InvalidOperationException("a packet was dropped");
    }

    /// <summary>Frees all.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _pairs.Dispose();
        NativeMemory.Free(_memory);
        GC.SuppressFinalize(this);
    }

    private int Seal(WireGuardEngine engine, byte[] packet)
    {
        int length = 0;
        fixed (byte* start = packet)
        {
            if (engine.Route(start, packet.Length, out _) is not { } peer || !engine.TryBegin(peer, Batch, out var run))
            {
                throw new InvalidOperationException("no session");
            }

            for (int i = 0; i < Batch; i++)
            {
                // Each is routed, as each may go elsewhere.
                byte* datagram = _memory + (i * Room);
                byte* place = datagram + TransportMessage.HeaderSize;
                Buffer.MemoryCopy(start, place, Room, packet.Length);
                if (!ReferenceEquals(engine.Route(place, packet.Length, out _), peer))
                {
                    throw new InvalidOperationException("no route");
                }

                length = run.Seal(datagram, packet.Length);
            }

            engine.End(ref run);
        }

        return length;
    }
}
