// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Filter;

/// <summary>
/// An item's place in a doubly linked list of items in native memory. Items are numbered from 1 on, 0 is none.
/// </summary>
internal struct ListLink
{
    public int Previous;
    public int Next;
}

/// <summary>
/// The two ends of such a list. Zeroed memory is an empty list. Each call is given where the links of all items are.
/// </summary>
internal struct LinkedItems
{
    /// <summary>The item that was appended first; 0 if there is none.</summary>
    public int First;

    /// <summary>The item that was appended last; 0 if there is none.</summary>
    public int Last;

    /// <summary>Adds an item behind all others.</summary>
    public void Append(in ItemLinks links, int item)
    {
        links[item] = new ListLink { Previous = Last };
        if (Last != 0)
        {
            links[Last].Next = item;
        }
        else
        {
            First = item;
        }

        Last = item;
    }

    /// <summary>Takes an item out, wherever it is in this list.</summary>
    public void Remove(in ItemLinks links, int item)
    {
        ListLink link = links[item];
        if (link.Previous != 0)
        {
            links[link.Previous].Next = link.Next;
        }
        else
        {
            First = link.Next;
        }

        if (link.Next != 0)
        {
            links[link.Next].Previous = link.Previous;
        }
        else
        {
            Last = link.Previous;
        }
    }
}

/// <summary>Where the links of all items are.</summary>
/// <param name="ofItem0">The link of item 0, which is never used.</param>
/// <param name="distance">Bytes from one item's link to the next one's.</param>
internal readonly unsafe struct ItemLinks(ListLink* ofItem0, int distance)
{
    public ref ListLink this[int item]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref *(ListLink*)((byte*)ofItem0 + ((nint)item * distance));
    }
}
