// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Memory;

namespace UdpTunnel.Packets;

/// <summary>
/// The few flows whose groups are open. So few that a linear search beats hashing; what it costs is measured in
/// tests/Bench/Packets. A flow is named by its addresses, ports and protocol, so two flows never share an entry.
/// </summary>
internal sealed unsafe class OpenFlowTable : IDisposable
{
    /// <summary>Most open flows. Above it the one whose group was opened first is closed.</summary>
    public const int Capacity = 8;

    private readonly NativeBuffer _memory;
    private readonly OpenFlow* _flows;
    private int _count;
    private int _recent;

    /// <summary>An empty table.</summary>
    public OpenFlowTable()
    {
        _memory = new NativeBuffer((nuint)(Capacity * sizeof(OpenFlow)));
        _flows = (OpenFlow*)_memory.Start;
    }

    /// <summary>Closes all flows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Clear() => _count = 0;

    /// <summary>The entry of a packet's flow, valid until a flow is opened or closed, or null.</summary>
    /// <param name="packet">Of TCP or UDP.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public OpenFlow* Find(in PacketView packet)
    {
        // Trains of one flow are the rule, so the last hit is tried first.
        OpenFlow* flow = _flows + _recent;
        return _recent < _count && flow->Has(packet) ? flow : Search(packet);
    }

    /// <summary>Opens a flow that is not open.</summary>
    /// <param name="packet">A packet of it.</param>
    /// <param name="group">Index of its group; later groups have larger indices.</param>
    public void Open(in PacketView packet, int group)
    {
        if (_count == Capacity)
        {
            Close(Oldest());
        }

        _recent = _count++;
        _flows[_recent].Set(packet, group);
    }

    /// <summary>Closes a flow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Close(OpenFlow* flow) => *flow = _flows[--_count];

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        _memory.Dispose();
    }

    private OpenFlow* Search(in PacketView packet)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_flows[i].Has(packet))
            {
                _recent = i;
                return _flows + i;
            }
        }

        return null;
    }

    private OpenFlow* Oldest()
    {
        OpenFlow* oldest = _flows;
        for (OpenFlow* flow = _flows + 1; flow < _flows + _count; flow++)
        {
            if (flow->Group < oldest->Group)
            {
                oldest = flow;
            }
        }

        return oldest;
    }
}
