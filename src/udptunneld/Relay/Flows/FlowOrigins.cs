// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// What a receiver has told a sender of its flows, one for each slot, whether the sender has a socket for the flow or
/// not: a flow that was idle here opens again with its next datagram. Belongs to one thread.
/// </summary>
/// <remarks>Memory: 64 bytes for each slot that the receiver uses, in pages: 4 MiB for all 65,536.</remarks>
internal sealed class FlowOrigins
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly Entry[]?[] _pages = new Entry[FlowId.Slots / PageSize][];

    /// <summary>Remembers a flow in the place of the one that had its slot.</summary>
    public void Set(uint id, in FlowOpening opening)
    {
        var slot = FlowId.SlotOf(id);
        ref var page = ref _pages[slot >> PageBits];
        page ??= new Entry[PageSize];
        page[slot & (PageSize - 1)] = new Entry(id, opening);
    }

    /// <summary>Forgets a flow.</summary>
    public void Remove(uint id)
    {
        if (TryFind(id, out _))
        {
            var slot = FlowId.SlotOf(id);
            _pages[slot >> PageBits]![slot & (PageSize - 1)] = default;
        }
    }

    /// <summary>Finds a flow.</summary>
    /// <returns>False if the receiver has not told of it, or has ended it.</returns>
    public bool TryFind(uint id, out FlowOpening opening)
    {
        var slot = FlowId.SlotOf(id);
        var entry = _pages[slot >> PageBits] is { } page ? page[slot & (PageSize - 1)] : default;
        opening = entry.Opening;
        return id != 0 && entry.Id == id;
    }

    private readonly record struct Entry(uint Id, FlowOpening Opening);
}
