// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Filter;

/// <summary>
/// A flow that a flow table remembers, one cache line. Written by the worker of the tunnel while other threads take
/// statistics: they copy it between two looks at its version, which is odd while it is written.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FlowNode
{
    /// <summary>The flow.</summary>
    public FlowKey Key;

    /// <summary>The second of the last use.</summary>
    public uint Used;

    /// <summary>Its place among the flows of its group, from the one not used for longest.</summary>
    public ListLink ByAge;

    /// <summary>Its place among those of its owner in that group, likewise.</summary>
    public ListLink ByOwner;

    private const int StateShift = 12;
    private const int OwnerMask = (1 << StateShift) - 1;

    // The owner, and above it the state.
    private ushort _owner;
    private ushort _version;

    /// <summary>Number of the owner, from 1 on; 0 if the node is free.</summary>
    public readonly ushort Owner => (ushort)(_owner & OwnerMask);

    /// <summary>The flow's state; None if the node is free.</summary>
    public FlowState State
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly get => (FlowState)(_owner >> StateShift);
        set => _owner = (ushort)((_owner & OwnerMask) | ((int)value << StateShift));
    }

    /// <summary>Seconds since the last use; negative if the other clock is ahead of the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int AgeAt(uint now) => (int)(now - Used);

    /// <summary>Another flow in this place, or none.</summary>
    /// <param name="key">The flow.</param>
    /// <param name="used">The second of its last use.</param>
    /// <param name="owner">Its owner; 0 for none.</param>
    /// <param name="state">Its state.</param>
    public void Set(in FlowKey key, uint used, ushort owner, FlowState state)
    {
        _version++;
        Interlocked.MemoryBarrier();
        Key = key;
        Used = used;
        _owner = (ushort)(owner | ((int)state << StateShift));
        Volatile.Write(ref _version, (ushort)(_version + 1));
    }

    /// <summary>A copy whose parts belong together, for any thread.</summary>
    public FlowNode Read()
    {
        while (true)
        {
            ushort before = Volatile.Read(ref _version);
            FlowNode copy = this;
            Interlocked.MemoryBarrier();
            if ((before & 1) == 0 && Volatile.Read(ref _version) == before)
            {
                return copy;
            }
        }
    }
}
