using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Filter;

/// <summary>
/// One place of the flow table. Written by the table's writer while its reader looks; the order of loads and stores is
/// reasoned in <see cref="FlowTable"/>. Loads and stores of 8 aligned bytes are atomic.
/// <code>
///                63                        31 30                       0
///                +--------------------------+--------------------------+
/// PortsAndTime   |     FlowKey.Ports        |  second of the last use  |   0: never used
///                +--------------------------+--------------------------+
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct FlowEntry
{
    private const int TimeBits = 31;
    private const uint TimeMask = (1u << TimeBits) - 1;

    private ulong _addresses;
    private ulong _portsAndTime;

    /// <summary>0 if the place was never used, or is being written.</summary>
    public readonly ulong PortsAndTime => _portsAndTime;

    /// <summary>The second of the last use, 31 bits of it.</summary>
    public readonly uint Used => (uint)_portsAndTime & TimeMask;

    /// <summary>Whether it is this flow. For the writer, and on a copy that <see cref="Read"/> made.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Is(FlowKey key) => _portsAndTime >> TimeBits == key.Ports && _addresses == key.Addresses;

    /// <summary>Whether it is worth a <see cref="Read"/>. For the reader.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool HasPorts(FlowKey key) => Volatile.Read(ref _portsAndTime) >> TimeBits == key.Ports;

    /// <summary>
    /// Seconds since the last use, negative if the writer's clock is ahead of the caller's: the two threads read it at
    /// different moments.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int AgeAt(uint now) => (int)((now - (uint)_portsAndTime) << 1) >> 1;

    /// <summary>Whether the last use was in the last 300 s.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsAlive(uint now) => AgeAt(now) < (int)FlowTable.Lifetime;

    /// <summary>The flow, in words that people use.</summary>
    public readonly Flow ToFlow() => FlowKey.ToFlow(_addresses, _portsAndTime >> TimeBits);

    /// <summary>A copy whose two words belong together, while the writer may be at work.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FlowEntry Read()
    {
        // Bounded: a live entry changes once a second, a dead one when it is replaced.
        while (true)
        {
            FlowEntry seen;
            seen._portsAndTime = Volatile.Read(ref _portsAndTime);
            seen._addresses = Volatile.Read(ref _addresses);
            if (Volatile.Read(ref _portsAndTime) == seen._portsAndTime)
            {
                return seen;
            }
        }
    }

    /// <summary>The same flow at another time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Touch(uint used) =>
        Volatile.Write(ref _portsAndTime, (_portsAndTime & ~(ulong)TimeMask) | (used & TimeMask));

    /// <summary>Another flow in the place of a dead one.</summary>
    public void Replace(FlowKey key, uint used)
    {
        Volatile.Write(ref _portsAndTime, 0);
        Volatile.Write(ref _addresses, key.Addresses);
        Volatile.Write(ref _portsAndTime, (key.Ports << TimeBits) | (used & TimeMask));
    }
}
