// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// Flows by slot, in pages that are made when first needed. Any thread looks; a slot is filled by the thread that opens
/// flows and emptied by whichever ends the flow.
/// </summary>
internal sealed class SlotTable<T>
    where T : RelayFlow
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly T?[]?[] _pages = new T?[FlowId.Slots / PageSize][];

    /// <summary>The flow with this number; null if it is not live.</summary>
    public T? Find(uint id)
    {
        var flow = At(FlowId.SlotOf(id));
        return flow is not null && flow.Id == id ? flow : null;
    }

    /// <summary>The flow in a slot, whatever its generation.</summary>
    public T? At(int slot)
    {
        var page = Volatile.Read(ref _pages[slot >> PageBits]);
        return page is null ? null : Volatile.Read(ref page[slot & (PageSize - 1)]);
    }

    /// <summary>Puts a flow into its slot.</summary>
    public void Set(T flow)
    {
        ref var page = ref _pages[flow.Slot >> PageBits];
        if (page is null)
        {
            Volatile.Write(ref page, new T?[PageSize]);
        }

        Volatile.Write(ref page[flow.Slot & (PageSize - 1)], flow);
    }

    /// <summary>Takes a flow out of its slot, unless another is there already.</summary>
    public void Remove(T flow)
    {
        if (_pages[flow.Slot >> PageBits] is { } page)
        {
            Interlocked.CompareExchange(ref page[flow.Slot & (PageSize - 1)], null, flow);
        }
    }

    /// <summary>All flows, as they are found one after the other.</summary>
    public IEnumerable<T> All()
    {
        for (var i = 0; i < _pages.Length; i++)
        {
            if (Volatile.Read(ref _pages[i]) is not { } page)
            {
                continue;
            }

            for (var j = 0; j < PageSize; j++)
            {
                if (Volatile.Read(ref page[j]) is { } flow)
                {
                    yield return flow;
                }
            }
        }
    }
}
