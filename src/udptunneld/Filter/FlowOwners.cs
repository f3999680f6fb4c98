// SPDX-License-Identifier: BSD-3-Clause

using System.Numerics;
using System.Runtime.InteropServices;

namespace UdpTunnel.Filter;

/// <summary>
/// Who has how many flows of a table, and which of them gives way when the table is full: the oldest of whoever has
/// most. So a source may fill a table that nobody else needs, and has no more than the others' largest share as soon as
/// they need it.
/// <para>
/// An owner is a source, or several that a seeded hash throws together, so the memory is bounded whatever sources a
/// stranger invents. Owners stand in a list for each power of two of their number of flows: 'most' is exact to a factor
/// of two, and found without looking at more than one owner.
/// </para>
/// <para>
/// Of an owner's flows, those of connections that are over give way first; then those without an answer, those with
/// one, and established connections (<see cref="FlowStates.GroupOf"/>), each as long as they are more than an eighth of
/// all: a flood of packets that nobody answers costs the flows that are in use nothing, ten thousand short flows cost
/// no idle connection, and a new flow has time to be answered also where all others have been.
/// </para>
/// </summary>
internal readonly unsafe struct FlowOwners
{
    /// <summary>How many there are.</summary>
    public const int Count = 4095;

    private const int Classes = 32;

    private const int LeastShare = 8;

    // Item 0 is nobody; then the lists.
    private static readonly int OwnersSize = (Count + 1) * sizeof(Owner);

    private readonly Owner* _owners;
    private readonly Head* _head;
    private readonly ItemLinks _owned;
    private readonly ItemLinks _classLinks;
    private readonly FlowNode* _nodes;

    /// <param name="memory"><see cref="Size"/> zeroed bytes.</param>
    /// <param name="nodes">The flows, numbered from 1 on.</param>
    public FlowOwners(byte* memory, FlowNode* nodes)
    {
        _owners = (Owner*)memory;
        _head = (Head*)(memory + OwnersSize);
        _nodes = nodes;
        _owned = new ItemLinks(&nodes->ByOwner, sizeof(FlowNode));
        _classLinks = new ItemLinks(&_owners->InClass, sizeof(Owner));
    }

    /// <summary>In bytes.</summary>
    public static int Size => OwnersSize + sizeof(Head);

    /// <summary>Takes in a new flow, whose node says whose it is, and its state.</summary>
    public void Add(int flow)
    {
        int number = _nodes[flow].Owner;
        ref Owner owner = ref _owners[number];
        int group = FlowStates.GroupOf(_nodes[flow].State);
        owner.List(group).Append(_owned, flow);
        owner.Counts[group]++;
        Resize(number, ref owner, owner.Flows + 1);
    }

    /// <summary>Forgets a flow.</summary>
    public void Remove(int flow)
    {
        int number = _nodes[flow].Owner;
        ref Owner owner = ref _owners[number];
        int group = FlowStates.GroupOf(_nodes[flow].State);
        owner.List(group).Remove(_owned, flow);
        owner.Counts[group]--;
        Resize(number, ref owner, owner.Flows - 1);
    }

    /// <summary>A flow was used: it is the newest of its owner's.</summary>
    public void Use(int flow)
    {
        ref LinkedItems list = ref _owners[_nodes[flow].Owner].List(FlowStates.GroupOf(_nodes[flow].State));
        list.Remove(_owned, flow);
        list.Append(_owned, flow);
    }

    /// <summary>A flow goes from one group to another.</summary>
    public void Move(int flow, int before, int after)
    {
        ref Owner owner = ref _owners[_nodes[flow].Owner];
        owner.List(before).Remove(_owned, flow);
        owner.Counts[before]--;
        owner.List(after).Append(_owned, flow);
        owner.Counts[after]++;
    }

    /// <summary>The flow that gives way to a new one. There must be one.</summary>
    /// <param name="claimant">Whose the new one is.</param>
    public int Displaced(int claimant)
    {
        int most = BitOperations.Log2(_head->Occupied);
        int number = ClassOf(_owners[claimant].Flows) == most ? claimant : _head->Class(most).First;
        ref Owner owner = ref _owners[number];
        int group = owner.Counts[0] > 0 ? 0 : 1;

        // Of the other five groups one has a fifth at least.
        while (group > 0 && (long)owner.Counts[group] * LeastShare < owner.Flows)
        {
            group++;
        }

        return owner.List(group).First;
    }

    private static int ClassOf(int flows) => flows == 0 ? -1 : BitOperations.Log2((uint)flows);

    private void Resize(int number, ref Owner owner, int flows)
    {
        int before = ClassOf(owner.Flows);
        int after = ClassOf(flows);
        owner.Flows = flows;
        if (before == after)
        {
            return;
        }

        if (before >= 0)
        {
            ref LinkedItems left = ref _head->Class(before);
            left.Remove(_classLinks, number);
            if (left.First == 0)
            {
                _head->Occupied &= ~(1u << before);
            }
        }

        if (after >= 0)
        {
            _head->Class(after).Append(_classLinks, number);
            _head->Occupied |= 1u << after;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Owner
    {
        public ListLink InClass;
        public int Flows;

        /// <summary>Flows of each group.</summary>
        public fixed int Counts[FlowStates.Groups];

        private fixed int _lists[FlowStates.Groups * 2];

        public ref LinkedItems List(int group)
        {
            fixed (int* first = _lists)
            {
                return ref *(LinkedItems*)(first + (group * 2));
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Head
    {
        /// <summary>A bit for each list of owners that is not empty.</summary>
        public uint Occupied;

        private fixed int _classes[Classes * 2];

        public ref LinkedItems Class(int number)
        {
            fixed (int* first = _classes)
            {
                return ref *(LinkedItems*)(first + (number * 2));
            }
        }
    }
}
