// SPDX-License-Identifier: BSD-3-Clause

using System.Numerics;
using System.Runtime.CompilerServices;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The flows that the packets of one direction opened, as long as their states are remembered
/// (<see cref="FlowLifetimes"/>). One thread remembers and looks up, the tunnel's worker; <see cref="Count"/>,
/// <see cref="AddTo"/>, <see cref="Displaced"/> and <see cref="Generation"/> are for any thread, off the packet path.
/// <para>
/// An open-addressed hash table of numbers of nodes, at most a quarter full, and the nodes, which are handed out from
/// the first on: a table with few flows touches few pages. A look-up reads a cache line of each, however many flows
/// there are.
/// </para>
/// <para>
/// Flows die without being touched, some time after their last packet; each new flow gives back the nodes of two dead
/// ones. A new flow always finds room: when all nodes are of live flows, one gives way (<see cref="FlowOwners"/>), so
/// that no source keeps the others out.
/// </para>
/// </summary>
internal sealed unsafe class FlowTable : IDisposable
{
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
    private readonly FlowOwners _owners;
    private readonly ItemLinks _byAge;

    // The flows of each group, from the one not used for longest.
    private readonly LinkedItems[] _groups = new LinkedItems[FlowStates.Groups];

    // Seconds that each group lives. Any thread changes them.
    private readonly uint[] _lifetimes = new uint[FlowStates.Groups];
    private int _firstFree;
    private int _nodesUsed;
    private long _displaced;
    private long _generation;

    // The worker's clock, which never goes back: an earlier time is taken for the latest one.
    private uint _now;
    private bool _started;

    // Keeps the memory from being freed under a thread that takes statistics. The packet path never takes it.
    private readonly Lock _freeing = new();
    private bool _freed;

    /// <param name="maxFlows">Live flows at most, 1 to <see cref="LargestBound"/>.</param>
    /// <param name="lifetimes">How long flows are remembered.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is out of range.</exception>
    public FlowTable(int maxFlows, FlowLifetimes? lifetimes = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFlows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxFlows, LargestBound);
        MaxFlows = maxFlows;
        SetLifetimes(lifetimes ?? FlowLifetimes.Default);
        uint slots = Math.Max(BitOperations.RoundUpToPowerOf2((uint)maxFlows) * SlotsPerFlow, FewestSlots);
        _slotMask = slots - 1;
        nuint nodesSize = ((nuint)maxFlows + 1) * (nuint)sizeof(FlowNode);
        nuint slotsSize = (nuint)slots * sizeof(uint);
        _memory = new NativeBuffer(nodesSize + slotsSize + (nuint)FlowOwners.Size);
        _nodes = (FlowNode*)_memory.Start;
        _slots = (uint*)(_memory.Start + nodesSize);
        _owners = new FlowOwners(_memory.Start + nodesSize + slotsSize, _nodes);
        _byAge = new ItemLinks(&_nodes->ByAge, sizeof(FlowNode));
    }

    /// <summary>Live flows at most.</summary>
    public int MaxFlows { get; }

    /// <summary>How many new flows there were; grows with each.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>How many live flows gave way to new ones because the table was full.</summary>
    public long Displaced => Volatile.Read(ref _displaced);

    /// <summary>Changes how long flows are remembered, from any thread; also those that are remembered now.</summary>
    public void SetLifetimes(FlowLifetimes lifetimes)
    {
        for (int group = 0; group < FlowStates.Groups; group++)
        {
            Volatile.Write(ref _lifetimes[group], lifetimes.Of(group));
        }
    }

    /// <summary>Remembers a flow, or that it was used again.</summary>
    /// <param name="key">The flow, as in the packet that opens it.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <param name="flags">SYN, FIN and RST of a packet of TCP.</param>
    /// <returns>Whether another packet without flags in the same second would change nothing.</returns>
    public bool Remember(in FlowKey key, uint now, byte flags = 0)
    {
        now = Advance(now);
        ulong hash = key.Hash(_hash);
        int found = Find(key, hash);
        if (found != 0 && IsAlive(found, now))
        {
            Use(found, now);
            if (!key.IsTcp)
            {
                return true;
            }

            FlowState state = FlowStates.AfterOpener(_nodes[found].State, flags);
            SetState(found, state);
            return state >= FlowState.Established;
        }

        if (found != 0)
        {
            Remove(found);
        }

        FlowState opened = FlowStates.Opened(key.IsTcp, flags);
        if (opened != FlowState.None)
        {
            Add(key, hash, opened, now, now);
        }

        return !key.IsTcp;
    }

    /// <summary>Remembers a flow of earlier.</summary>
    /// <param name="key">The flow, as in the packet that opened it.</param>
    /// <param name="state">What was known of it.</param>
    /// <param name="age">Seconds since its last packet.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <returns>False if it is dead by now.</returns>
    public bool Restore(in FlowKey key, FlowState state, uint age, uint now)
    {
        now = Advance(now);
        if (state == FlowState.None || age >= _lifetimes[FlowStates.GroupOf(state)])
        {
            return false;
        }

        ulong hash = key.Hash(_hash);
        int found = Find(key, hash);
        if (found != 0)
        {
            Remove(found);
        }

        Add(key, hash, state, now, now - age);
        return true;
    }

    /// <summary>Whether a flow that is remembered is answered. Remembers that it was.</summary>
    /// <param name="key">The flow, as in the packet that opened it: an answer asks for its reverse.</param>
    /// <param name="now">Seconds of the same clock.</param>
    /// <param name="flags">SYN, FIN and RST of a packet of TCP.</param>
    public bool Answer(in FlowKey key, uint now, byte flags = 0)
    {
        int found = Find(key, key.Hash(_hash));
        if (found == 0 || !IsAlive(found, now))
        {
            return false;
        }

        SetState(found, FlowStates.AfterAnswerer(_nodes[found].State, flags));
        return true;
    }

    /// <summary>
    /// Flows that are alive. For any thread: while the worker is at work it may be off by what changes in that moment.
    /// 0 after <see cref="Dispose"/>.
    /// </summary>
    /// <param name="now">Seconds of the same clock.</param>
    public int Count(uint now)
    {
        lock (_freeing)
        {
            if (_freed)
            {
                return 0;
            }

            int count = 0;
            int nodes = Volatile.Read(ref _nodesUsed);
            for (int number = 1; number <= nodes; number++)
            {
                count += IsAlive(number, now) ? 1 : 0;
            }

            return count;
        }
    }

    /// <summary>
    /// Adds the flows that are alive to a list, in no order. For any thread. Nothing after <see cref="Dispose"/>.
    /// </summary>
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
                if (IsAlive(seen, now))
                {
                    // The worker's clock may be a little ahead of ours.
                    var age = (uint)Math.Max(seen.AgeAt(now), 0);
                    flows.Add(
                        new RememberedFlow(seen.Key.ToFlow(), openedBy, age)
                        {
                            Peer = seen.Key.Peer,
                            State = seen.State,
                        }
                    );
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsAlive(in FlowNode node, uint now)
    {
        FlowState state = node.State;
        return state != FlowState.None && node.AgeAt(now) < (int)_lifetimes[FlowStates.GroupOf(state)];
    }

    private bool IsAlive(int flow, uint now) => IsAlive(_nodes[flow], now);

    private uint Advance(uint now)
    {
        if (!_started || (int)(now - _now) > 0)
        {
            _started = true;
            _now = now;
        }

        return _now;
    }

    private void Add(in FlowKey key, ulong hash, FlowState state, uint now, uint used)
    {
        ushort owner = OwnerOf(key);
        int node = TakeNode(owner, now);
        _nodes[node].Set(key, used, owner, state);
        _groups[FlowStates.GroupOf(state)].Append(_byAge, node);
        _owners.Add(node);
        Occupy(hash, node);
        Volatile.Write(ref _generation, _generation + 1);
    }

    private void SetState(int flow, FlowState state)
    {
        int before = FlowStates.GroupOf(_nodes[flow].State);
        int after = FlowStates.GroupOf(state);
        _nodes[flow].State = state;
        if (before != after)
        {
            _groups[before].Remove(_byAge, flow);
            _groups[after].Append(_byAge, flow);
            _owners.Move(flow, before, after);
        }
    }

    private void Use(int flow, uint used)
    {
        uint before = _nodes[flow].Used;
        if ((int)(used - before) > 0)
        {
            Volatile.Write(ref _nodes[flow].Used, used);
            ref LinkedItems group = ref _groups[FlowStates.GroupOf(_nodes[flow].State)];
            group.Remove(_byAge, flow);
            group.Append(_byAge, flow);
            _owners.Use(flow);
        }
    }

    /// <summary>A node for a new flow.</summary>
    private int TakeNode(ushort owner, uint now)
    {
        int reclaimed = 0;
        for (int group = 0; group < FlowStates.Groups; group++)
        {
            while (reclaimed < ReclaimedPerFlow && _groups[group].First != 0 && !IsAlive(_groups[group].First, now))
            {
                Remove(_groups[group].First);
                reclaimed++;
            }
        }

        if (_firstFree == 0 && _nodesUsed < MaxFlows)
        {
            Volatile.Write(ref _nodesUsed, _nodesUsed + 1);
            return _nodesUsed;
        }

        if (_firstFree == 0)
        {
            int displaced = _owners.Displaced(owner);
            if (IsAlive(displaced, now) && _nodes[displaced].State != FlowState.Closed)
            {
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
        _groups[FlowStates.GroupOf(_nodes[flow].State)].Remove(_byAge, flow);
        _owners.Remove(flow);
        _nodes[flow].Set(default, 0, 0, FlowState.None);
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

    /// <summary>
    /// Frees a flow's slot, and moves those behind it that are not where their hash says into the gap: so there are no
    /// gaps in a search.
    /// </summary>
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
