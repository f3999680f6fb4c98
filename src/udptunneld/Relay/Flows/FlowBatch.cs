// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The datagrams of one batch, put in order by flow: those of one flow stay in their order and come one behind the
/// other, so that they leave by one system call. Pure; belongs to one thread.
/// </summary>
internal sealed unsafe class FlowBatch<T>
    where T : class
{
    /// <summary>The most datagrams.</summary>
    public const int Capacity = 512;

    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly T[] _flows = new T[Capacity];
    private readonly int[] _firsts = new int[Capacity];
    private long _number = 1;
    private int _flowCount;

    /// <summary>Datagrams in it.</summary>
    public int Count { get; private set; }

    /// <summary>Whether it takes no more.</summary>
    public bool IsFull => Count == Capacity;

    /// <summary>The flows, in the order of their first datagrams.</summary>
    public ReadOnlySpan<T> Flows => _flows.AsSpan(0, _flowCount);

    /// <summary>Adds a datagram.</summary>
    /// <param name="flow">Its flow.</param>
    /// <param name="chain">The flow's chain.</param>
    /// <param name="start">First byte.</param>
    /// <param name="length">Its length.</param>
    public void Add(T flow, ref BatchChain chain, byte* start, int length)
    {
        var index = Count++;
        _entries[index] = new Entry(start, length);
        if (chain.Batch == _number)
        {
            _entries[chain.Last].Next = index;
        }
        else
        {
            chain.Batch = _number;
            _firsts[_flowCount] = index;
            _flows[_flowCount++] = flow;
        }

        chain.Last = index;
    }

    /// <summary>The first datagram of a flow of <see cref="Flows"/>.</summary>
    public ref readonly Entry First(int flow) => ref _entries[_firsts[flow]];

    /// <summary>The datagram behind another of its flow; only if there is one.</summary>
    public ref readonly Entry After(in Entry entry) => ref _entries[entry.Next];

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Array.Clear(_flows, 0, _flowCount);
        _flowCount = 0;
        Count = 0;

        // Chains of the flows that were in it are void now.
        _number++;
    }

    /// <summary>One datagram.</summary>
    internal struct Entry(byte* start, int length)
    {
        public readonly byte* Start = start;

        public readonly int Length = length;

        /// <summary>Index of the next one; 0 for none, for what is first in a batch comes behind nothing.</summary>
        public int Next;
    }
}

/// <summary>
/// First and last of a flow's datagrams in a <see cref="FlowBatch{T}"/>; valid while the number is the batch's.
/// </summary>
internal struct BatchChain
{
    /// <summary>The batch that it belongs to.</summary>
    public long Batch;

    /// <summary>Index of the last datagram.</summary>
    public int Last;
}
