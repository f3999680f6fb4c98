// SPDX-License-Identifier: BSD-3-Clause

using BenchmarkDotNet.Attributes;

namespace UdpTunnel.Bench.WireGuard;

/// <summary>What a handshake costs the end that begins it, and the one that answers.</summary>
public class HandshakeBench : IDisposable
{
    private const int Peers = 128;

    private readonly EnginePairs _pairs = new(Peers);
    private long _now = 1_000_000;

    /// <summary>Initiations to answer: each is good once.</summary>
    [IterationSetup(Target = nameof(Answer))]
    public void Prepare() => Begin();

    /// <summary>An initiation in, a response out, a session made.</summary>
    [Benchmark(OperationsPerInvoke = Peers)]
    public void Answer() => _pairs.AnswerAll(_now);

    /// <summary>An initiation made.</summary>
    [Benchmark(OperationsPerInvoke = Peers)]
    public void Begin()
    {
        _now += 6_000;
        _pairs.BeginAll(_now);
    }

    /// <summary>Frees all.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _pairs.Dispose();
        GC.SuppressFinalize(this);
    }
}
