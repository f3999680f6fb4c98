using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Filter;

/// <summary>
/// A flow that a flow table remembers, one cache line. Written by the worker of the tunnel while other threads take statistics: they copy it
/// between two looks at its version, which is odd while it is written.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FlowNode
{
    /// <summary>The flow.</summary>
    public FlowKey Key;

    /// <summary>The second of the last use.</summary>
    public uint Used;

    /// <summary>Its place among all flows, from the one not used for longest.</summary>
    public ListLink ByAge;

    /// <summary>Its place among the flows of its owner, likewise.</summary>
    public ListLink ByOwner;

    private const ushort AnsweredBit = 0x8000;

    private ushort _owner;
    private ushort _version;

    /// <summary>Number of the owner, from 1 on; 0 if the node is free.</summary>
    public readonly ushort Owner => (ushort)(_owner & ~AnsweredBit);

    /// <summary>Whether an answer came.</summary>
    public readonly bool IsAnswered => (_owner & AnsweredBit) != 0;

    /// <summary>Seconds since the last use; negative if the other clock is ahead of the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int AgeAt(uint now) => (int)(now - Used);

    /// <summary>Whether the last use was in the last 300 s.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsAlive(uint now) => AgeAt(now) < (int)FlowTable.Lifetime;

    /// <summary>Another flow in this place, or none.</summary>
    /// <param name="key">The flow.</param>
    /// <param name="used">The second of its last use.</param>
    /// <param name="owner">Its owner; 0 for none.</param>
    public void Set(in FlowKey key, uint used, ushort owner)
    {
        _version++;
        Interlocked.MemoryBarrier();
        Key = key;
        Used = used;
        _owner = owner;
        Volatile.Write(ref _version, (ushort)(_version + 1));
    }

    /// <summary>An answer came.</summary>
    public void SetAnswered() => _owner |= AnsweredBit;

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
