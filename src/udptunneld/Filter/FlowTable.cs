using System.Numerics;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The flows that the packets of one direction opened in the last 300 s. One thread remembers and looks up, the tunnel's worker;
/// <see cref="Count"/>, <see cref="AddTo"/>, <see cref="Displaced"/> and <see cref="Generation"/> are for any thread, off the packet path.
/// <para>
/// An open-addressed hash table of numbers of nodes, at most a quarter full, and the nodes, which are handed out from the first on: a table with
/// few flows touches few pages. A look-up reads a cache line of each, however many flows there are.
/// </para>
/// <para>
/// Flows die without being touched, 300 s after their last packet; each new flow gives back the nodes of two dead ones. A new flow always finds room: when
/// all nodes are of live flows, one gives way (<see cref="FlowOwners"/>), so that no source keeps the others out.
/// </para>
/// </summary>
internal sealed unsafe class FlowTable : IDisposable
{
    /// <summary>Seconds that a flow is remembered after its last packet; the predecessor's value.</summary>
    public const uint Lifetime = 300;

    /// <summary>Largest bound of a table, in flows: 80 MiB of memory.</summary>
    public const int LargestBound = 1 << 20;

    private const int SlotsPerFlow = 4;
    private const uint FewestSlots = 64;

    // A slot: the number of a node in its low bits, bits of the hash above them. 0 is free.
    private const int NumberBits = 21;
    private const uint NumberMask = (1u << NumberBits) - 1;

    // More than one, so that room grows while flows die.
    private const int ReclaimedPerFlow = 2;

    private readonly SeededHash _hash = new();
    private readonly NativeBuffer _memory;
    private readonly FlowNode* _nodes;
    private readonly uint* _slots;
    private readonly uint _slotMask;
    private readonly FlowAges _ages;
    private readonly FlowOwners _owners;
    private readonly ItemLinks _byAge;
    private LinkedItems _flows;
    private int _firstFree;
    private int _nodesUsed;
    private long _displaced;

    // Keeps the memory from being freed under a thread that takes statistics. The packet path never takes it.
    private readonly Lock _freeing = new();
    private bool _freed;

    /// <param name="maxFlows">Live flows at most, 1 to <see cref="LargestBound"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is out of range.</exception>
    public FlowTable(int maxFlows)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFlows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxFlows, LargestBound);
        MaxFlows = maxFlows;
        uint slots = Math.Max(BitOperations.RoundUpToPowerOf2((uint)maxFlows) * SlotsPerFlow, FewestSlots);
        _slotMask = slots - 1;
        nuint nodesSize = ((nuint)maxFlows + 1) * (nuint)sizeof(FlowNode);
        nuint slotsSize = (nuint)slots * sizeof(uint);
        _memory = new NativeBuffer(nodesSize + slotsSize + FlowAges.Size + (nuint)FlowOwners.Size);
        _nodes = (FlowNode*)_memory.Start;
        _slots = (uint*)(_memory.Start + nodesSize);
        _ages = new FlowAges(_memory.Start + nodesSize + slotsSize);
        _owners = new FlowOwners(_memory.Start + nodesSize + slotsSize + FlowAges.Size, _nodes);
        _byAge = new ItemLinks(&_nodes->ByAge, sizeof(FlowNode));
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

    /// <summary>How many live flows gave way to new ones because the table was full.</summary>
    public long Displaced => Volatile.Read(ref _displaced);

    /// <summary>Remembers a flow, or that it was used again.</summary>
    /// <param name="key">The flow, as in the packet that opens it.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    public void Remember(in FlowKey key, uint now)
    {
        now = _ages.Advance(now);
        Store(key, now, now);
    }

    /// <summary>Remembers a flow of earlier.</summary>
    /// <param name="key">The flow, as in the packet that opened it.</param>
    /// <param name="age">Seconds since its last packet.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns>False if it is dead by now.</returns>
    public bool Restore(in FlowKey key, uint age, uint now)
    {
        now = _ages.Advance(now);
        if (age >= Lifetime)
        {
            return false;
        }

        Store(key, now, now - age);
        return true;
    }

    /// <summary>Whether a flow that was remembered in the last 300 s is answered. Remembers that it was.</summary>
    /// <param name="key">The flow, as in the packet that opened it: an answer asks for its reverse.</param>
    /// <param name="now">Seconds of the same clock.</param>
    public bool Answer(in FlowKey key, uint now)
    {
        int found = Find(key, key.Hash(_hash));
        if (found == 0 || !_nodes[found].IsAlive(now))
        {
            return false;
        }

        if (!_nodes[found].IsAnswered)
        {
            _owners.Answer(found);
        }

        return true;
    }

    /// <summary>Flows that are alive. For any thread. 0 after <see cref="Dispose"/>.</summary>
    /// <param name="now">Seconds of the same clock.</param>
    public int Count(uint now)
    {
        lock (_freeing)
        {
            return _freed ? 0 : _ages.Count(now);
        }
    }

    /// <summary>Adds the flows that are alive to a list, in no order. For any thread. Nothing after <see cref="Dispose"/>.</summary>
    /// <param name="flows">Where to.</param>
    /// <param name="openedBy">Whose table this is.</param>
    /// <param name="now">Seconds of the same clock.</param>
    public void AddTo(ICollection<RememberedFlow> flows, Direction openedBy, uint now)
    {
        lock (_freeing)
        {
            if (_freed)
            {
                return;
            }

            int nodes = Volatile.Read(ref _nodesUsed);
            for (int number = 1; number <= nodes; number++)
            {
                FlowNode seen = _nodes[number].Read();
                if (seen.Owner != 0 && seen.IsAlive(now))
                {
                    // The worker's clock may be a little ahead of ours.
                    var age = (uint)Math.Max(seen.AgeAt(now), 0);
                    flows.Add(new RememberedFlow(seen.Key.ToFlow(), openedBy, age) { Peer = seen.Key.Peer });
                }
            }
        }
    }

    /// <summary>Frees the memory. The worker must have let go, and not come back.</summary>
    public void Dispose()
    {
        lock (_freeing)
        {
            _freed = true;
            _memory.Dispose();
        }
    }

    /// <summary>Number of the owner of a flow, 1 to <see cref="FlowOwners.Count"/>.</summary>
    internal ushort OwnerOf(in FlowKey key) => (ushort)((key.HashOfSource(_hash) % FlowOwners.Count) + 1);

    private void Store(in FlowKey key, uint now, uint used)
    {
        ulong hash = key.Hash(_hash);
        int found = Find(key, hash);
        if (found != 0 && _nodes[found].IsAlive(now))
        {
            Use(found, used);
            return;
        }

        if (found != 0)
        {
            Remove(found);
        }

        ushort owner = OwnerOf(key);
        int node = TakeNode(owner, now);
        _nodes[node].Set(key, used, owner);
        _flows.Append(_byAge, node);
        _owners.Add(node);
        Occupy(hash, node);
        _ages.Add(used);
    }

    private void Use(int flow, uint used)
    {
        uint before = _nodes[flow].Used;
        if ((int)(used - before) > 0)
        {
            Volatile.Write(ref _nodes[flow].Used, used);
            _flows.Remove(_byAge, flow);
            _flows.Append(_byAge, flow);
            _owners.Use(flow);
            _ages.Move(before, used);
        }
    }

    /// <summary>A node for a new flow.</summary>
    private int TakeNode(ushort owner, uint now)
    {
        for (int i = 0; i < ReclaimedPerFlow && _flows.First != 0 && !_nodes[_flows.First].IsAlive(now); i++)
        {
            Remove(_flows.First);
        }

        if (_firstFree == 0 && _nodesUsed < MaxFlows)
        {
            Volatile.Write(ref _nodesUsed, _nodesUsed + 1);
            return _nodesUsed;
        }

        if (_firstFree == 0)
        {
            int displaced = _owners.Displaced(owner);
            if (_nodes[displaced].IsAlive(now))
            {
                _ages.Remove(_nodes[displaced].Used);
                Volatile.Write(ref _displaced, _displaced + 1);
            }

            Remove(displaced);
        }

        int node = _firstFree;
        _firstFree = _byAge[node].Next;
        return node;
    }

    private void Remove(int flow)
    {
        Vacate(flow);
        _flows.Remove(_byAge, flow);
        _owners.Remove(flow);
        _nodes[flow].Set(default, 0, 0);
        _byAge[flow] = new ListLink { Next = _firstFree };
        _firstFree = flow;
    }

    private int Find(in FlowKey key, ulong hash)
    {
        uint tag = TagOf(hash);
        for (uint at = (uint)hash & _slotMask; ; at = (at + 1) & _slotMask)
        {
            uint slot = _slots[at];
            if (slot == 0)
            {
                return 0;
            }

            int number = (int)(slot & NumberMask);
            if ((slot & ~NumberMask) == tag && _nodes[number].Key.Is(key))
            {
                return number;
            }
        }
    }

    private void Occupy(ulong hash, int node)
    {
        uint at = (uint)hash & _slotMask;
        while (_slots[at] != 0)
        {
            at = (at + 1) & _slotMask;
        }

        _slots[at] = TagOf(hash) | (uint)node;
    }

    /// <summary>Frees a flow's slot, and moves those behind it that are not where their hash says into the gap: so there are no gaps in a search.</summary>
    private void Vacate(int flow)
    {
        uint gap = HomeOf(flow);
        while ((_slots[gap] & NumberMask) != flow)
        {
            gap = (gap + 1) & _slotMask;
        }

        for (uint at = (gap + 1) & _slotMask; _slots[at] != 0; at = (at + 1) & _slotMask)
        {
            uint home = HomeOf((int)(_slots[at] & NumberMask));
            if (((at - home) & _slotMask) >= ((at - gap) & _slotMask))
            {
                _slots[gap] = _slots[at];
                gap = at;
            }
        }

        _slots[gap] = 0;
    }

    private uint HomeOf(int flow) => (uint)_nodes[flow].Key.Hash(_hash) & _slotMask;

    private static uint TagOf(ulong hash) => (uint)(hash >> 32) & ~NumberMask;
}
