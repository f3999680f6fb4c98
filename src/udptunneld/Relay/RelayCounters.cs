// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Relay;

/// <summary>
/// What one thread of a relay carried and dropped: written by that thread alone, without interlocked operations, and
/// read by anybody (aligned 64-bit words are never torn).
/// </summary>
internal sealed class RelayCounters
{
    // Numbers of different threads must not share a cache line.
    private const int Padding = 16;
    private const int ToServiceIndex = Padding;
    private const int ToClientsIndex = Padding + 2;
    private const int FlowsOpenedIndex = Padding + 4;
    private const int DropsIndex = Padding + 5;

    private static readonly int Reasons = (int)Enum.GetValues<RelayDropReason>().Max() + 1;

    private readonly long[] _values = new long[DropsIndex + Reasons + Padding];

    /// <summary>What was carried.</summary>
    public RelayTraffic Traffic =>
        new(
            Volatile.Read(ref _values[ToServiceIndex]),
            Volatile.Read(ref _values[ToServiceIndex + 1]),
            Volatile.Read(ref _values[ToClientsIndex]),
            Volatile.Read(ref _values[ToClientsIndex + 1])
        );

    /// <summary>Flows that were opened.</summary>
    public long FlowsOpened => Volatile.Read(ref _values[FlowsOpenedIndex]);

    /// <summary>Datagrams dropped, with their reasons; only what occurred.</summary>
    public IReadOnlyList<(RelayDropReason Reason, long Packets)> Drops =>
        [.. Enum.GetValues<RelayDropReason>().Select(r => (r, Drop(r))).Where(d => d.Item2 > 0)];

    /// <summary>Datagrams dropped for a reason.</summary>
    public long Drop(RelayDropReason reason) => Volatile.Read(ref _values[DropsIndex + (int)reason]);

    /// <summary>Counts datagrams to the service.</summary>
    public void CountToService(long packets, long bytes)
    {
        _values[ToServiceIndex] += packets;
        _values[ToServiceIndex + 1] += bytes;
    }

    /// <summary>Counts datagrams to clients.</summary>
    public void CountToClients(long packets, long bytes)
    {
        _values[ToClientsIndex] += packets;
        _values[ToClientsIndex + 1] += bytes;
    }

    /// <summary>Counts a flow that was opened.</summary>
    public void CountFlow() => _values[FlowsOpenedIndex]++;

    /// <summary>Counts datagrams that were dropped.</summary>
    public void CountDrop(RelayDropReason reason, long packets = 1) => _values[DropsIndex + (int)reason] += packets;

    /// <summary>Counts datagrams that did not leave.</summary>
    public void CountLost(in SendResult result)
    {
        if (result.Failed + result.TooBig + result.BufferFull > 0)
        {
            CountDrop(RelayDropReason.SendFailed, result.Failed);
            CountDrop(RelayDropReason.TooBig, result.TooBig);
            CountDrop(RelayDropReason.SendBufferFull, result.BufferFull);
        }
    }

    /// <summary>The same from threads that do not own the object.</summary>
    public void CountDropShared(RelayDropReason reason) => Interlocked.Increment(ref _values[DropsIndex + (int)reason]);

    /// <summary>Adds what another thread has counted.</summary>
    public void Add(RelayCounters other)
    {
        for (var i = Padding; i < DropsIndex + Reasons; i++)
        {
            _values[i] += Volatile.Read(ref other._values[i]);
        }
    }
}
