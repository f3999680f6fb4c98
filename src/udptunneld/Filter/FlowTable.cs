using System.Numerics;
using System.Runtime.CompilerServices;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The flows that the packets of one direction opened in the last 300 s. One thread writes (that of the direction), one
/// other thread looks up (that of the answers), without a lock; <see cref="Count"/>, <see cref="AddTo"/> and
/// <see cref="Generation"/> are for any thread, off the packet path.
/// <para>
/// A hash table with two choices: a flow lies in one of two buckets of one cache line each, so a look-up reads at most
/// two cache lines, however many flows there are. A new flow goes to the bucket with fewer live flows and never moves.
/// There are as many buckets as flows allowed: then the share of buckets that would need a fifth entry is 10^-12 (the
/// differential equations of two-choice hashing, solved for one flow per bucket), while with half as many buckets one
/// or two of 65,536 flows would find no place. A flow that finds none is refused as if the table were full.
/// </para>
/// <para>
/// Flows die without being touched: an entry of 300 s ago is dead, and the next new flow takes its place. A live flow
/// is never displaced: otherwise a flood of new flows would cut off those that work.
/// </para>
/// </summary>
/// <remarks>
/// Why the reader never confirms a flow that was not there, though an entry has two words and neither side locks:
/// <list type="number">
/// <item>The writer replaces a dead entry in three release stores: ports and time := 0, addresses, ports and time. A
/// reader that sees the new addresses (acquire) therefore no longer sees the old ports and time.</item>
/// <item>The reader loads ports and time, then the addresses, then ports and time again (acquire each), and counts the
/// entry only if both loads of the latter are equal, bit by bit.</item>
/// <item>They are equal by chance only if the entry was replaced in between by the same ports with the same second of
/// use. But an entry is replaced only when it is dead, so the second of use of whatever follows is a later one, because
/// the writer's clock never goes back. Seconds repeat after 2^31, which is 68 years.</item>
/// </list>
/// So the three loads saw one and the same flow. A refresh changes the time alone, in one store: the reader looks
/// again, and a flow that is alive is visible without interruption.
/// </remarks>
internal sealed unsafe class FlowTable : IDisposable
{
    /// <summary>Seconds that a flow is remembered after its last packet; the predecessor's value.</summary>
    public const uint Lifetime = 300;

    /// <summary>Largest bound of a table, in flows: 64 MiB of memory.</summary>
    public const int LargestBound = 1 << 20;

    private const int EntriesPerBucket = 4;

    // Below this, chance alone would fill two buckets now and then.
    private const uint FewestBuckets = 1024;

    private readonly SeededHash _hash = new();
    private readonly NativeBuffer _memory;
    private readonly FlowEntry* _entries;
    private readonly uint _bucketMask;
    private readonly FlowAges _ages;

    // Keeps the memory from being freed under a thread that takes statistics. The packet path never takes it.
    private readonly Lock _freeing = new();
    private bool _freed;

    /// <param name="maxFlows">Live flows at most, 1 to <see cref="LargestBound"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is out of range.</exception>
    public FlowTable(int maxFlows)
        : this(maxFlows, Math.Max(BitOperations.RoundUpToPowerOf2((uint)Math.Max(maxFlows, 1)), FewestBuckets))
    {
    }

    /// <summary>A table with a number of buckets of one's own, a power of two: few of them make collisions
    /// frequent.</summary>
    internal FlowTable(int maxFlows, uint buckets)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFlows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxFlows, LargestBound);
        MaxFlows = maxFlows;
        _bucketMask = buckets - 1;
        nuint entriesSize = (nuint)buckets * EntriesPerBucket * (nuint)sizeof(FlowEntry);
        _memory = new NativeBuffer(entriesSize + FlowAges.Size);
        _entries = (FlowEntry*)_memory.Start;
        _ages = new FlowAges(_memory.Start + entriesSize);
    }

    /// <summary>Live flows at most.</summary>
    public int MaxFlows { get; }

    /// <summary>How many new flows there were; grows with each. 0 after <see cref="Dispose"/>.</summary>
    public long Generation
    {
        get
        {
            lock (_freeing)
            {
                return _freed ? 0 : _ages.Generation;
            }
        }
    }

    /// <summary>Remembers a flow, or that it was used again. For the writer.</summary>
    /// <param name="key">The flow, as in the packet that opens it; its destination port is not 0.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns><see cref="DropReason.FlowTableFull"/> if it is new and there is no room; else None.</returns>
    public DropReason Remember(FlowKey key, uint now)
    {
        now = _ages.Advance(now);
        return Store(key, now, now);
    }

    /// <summary>Remembers a flow of earlier. For the writer.</summary>
    /// <param name="key">The flow, as in the packet that opened it; its destination port is not 0.</param>
    /// <param name="age">Seconds since its last packet.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns>False if it is dead by now, or there is no room.</returns>
    public bool Restore(FlowKey key, uint age, uint now)
    {
        now = _ages.Advance(now);
        return age < Lifetime && Store(key, now, now - age) == DropReason.None;
    }

    /// <summary>Whether a flow was remembered in the last 300 s. For the reader.</summary>
    /// <param name="key">The flow, as in the packet that opened it: an answer asks for its reverse.</param>
    /// <param name="now">Seconds of the writer's clock; the two threads may read it at different moments.</param>
    public bool Contains(FlowKey key, uint now)
    {
        (uint first, uint second) = BucketsOf(key);
        return BucketContains(first, key, now) || BucketContains(second, key, now);
    }

    /// <summary>Flows that are alive. For any thread. 0 after <see cref="Dispose"/>.</summary>
    /// <param name="now">Seconds of the writer's clock.</param>
    public int Count(uint now)
    {
        lock (_freeing)
        {
            return _freed ? 0 : _ages.Count(now);
        }
    }

    /// <summary>Adds the flows that are alive to a list, in no order. For any thread. Nothing after
    /// <see cref="Dispose"/>.</summary>
    /// <param name="flows">Where to.</param>
    /// <param name="openedBy">Whose table this is.</param>
    /// <param name="now">Seconds of the writer's clock.</param>
    public void AddTo(ICollection<RememberedFlow> flows, Direction openedBy, uint now)
    {
        lock (_freeing)
        {
            // Also keeps the memory of a table that was never used untouched.
            if (_freed || _ages.Count(now) == 0)
            {
                return;
            }

            FlowEntry* end = _entries + (((nuint)_bucketMask + 1) * EntriesPerBucket);
            for (FlowEntry* entry = _entries; entry < end; entry++)
            {
                FlowEntry seen = entry->Read();
                if (seen.PortsAndTime != 0 && seen.IsAlive(now))
                {
                    // The writer's clock may be a little ahead of ours.
                    flows.Add(new RememberedFlow(seen.ToFlow(), openedBy, (uint)Math.Max(seen.AgeAt(now), 0)));
                }
            }
        }
    }

    /// <summary>Frees the memory. Neither writer nor reader may be at work, nor come afterwards.</summary>
    public void Dispose()
    {
        lock (_freeing)
        {
            _freed = true;
            _memory.Dispose();
        }
    }

    private DropReason Store(FlowKey key, uint now, uint used)
    {
        (uint firstBucket, uint secondBucket) = BucketsOf(key);
        int alive = 0;
        FlowEntry* free = null;
        FlowEntry* found = Find(firstBucket, key, now, ref alive, ref free);
        if (found == null)
        {
            int aliveInSecond = 0;
            FlowEntry* freeInSecond = null;
            found = Find(secondBucket, key, now, ref aliveInSecond, ref freeInSecond);
            if (aliveInSecond < alive)
            {
                free = freeInSecond;
            }
        }

        if (found != null && found->IsAlive(now))
        {
            uint before = found->Used;
            if ((int)((used - before) << 1) > 0)
            {
                found->Touch(used);
                _ages.Move(before, used);
            }

            return DropReason.None;
        }

        if (_ages.Alive >= MaxFlows)
        {
            return DropReason.FlowTableFull;
        }

        if (found != null)
        {
            found->Touch(used);
        }
        else if (free != null)
        {
            free->Replace(key, used);
        }
        else
        {
            return DropReason.FlowTableFull;
        }

        _ages.Add(used);
        return DropReason.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private FlowEntry* Find(uint bucket, FlowKey key, uint now, ref int alive, ref FlowEntry* free)
    {
        FlowEntry* entry = _entries + ((nuint)bucket * EntriesPerBucket);
        for (FlowEntry* end = entry + EntriesPerBucket; entry < end; entry++)
        {
            if (entry->Is(key))
            {
                return entry;
            }

            if (entry->PortsAndTime != 0 && entry->IsAlive(now))
            {
                alive++;
            }
            else
            {
                free = entry;
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool BucketContains(uint bucket, FlowKey key, uint now)
    {
        FlowEntry* entry = _entries + ((nuint)bucket * EntriesPerBucket);
        for (FlowEntry* end = entry + EntriesPerBucket; entry < end; entry++)
        {
            if (entry->HasPorts(key))
            {
                FlowEntry seen = entry->Read();
                if (seen.Is(key) && seen.IsAlive(now))
                {
                    return true;
                }
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (uint First, uint Second) BucketsOf(FlowKey key)
    {
        ulong hash = _hash.Of(key.Addresses, key.Ports);
        uint first = (uint)hash & _bucketMask;
        uint second = (uint)(hash >> 32) & _bucketMask;
        return (first, second != first ? second : (first ^ 1) & _bucketMask);
    }
}
