// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// Later fragments of one direction that came before their first one, as on a path that changes their order: held for a
/// moment, since what the first one says decides about them too. Bounded in size; when there is no room the oldest
/// gives way. Belongs to the tunnel's worker.
/// </summary>
internal sealed unsafe class EarlyFragments
{
    /// <summary>Fragments held at most.</summary>
    public const int Capacity = 64;

    /// <summary>Longest fragment that is held, in bytes.</summary>
    public const int MaxLength = 2048;

    /// <summary>Seconds after which a fragment whose first one did not come is dropped: between one and two.</summary>
    private const uint Patience = 1;

    private readonly int _headroom;
    private readonly int _slotSize;
    private readonly Held[] _held = new Held[Capacity];

    // Most tunnels never see one: made with the first. Pinned, since packets are pointed to.
    private byte[]? _memory;
    private int _count;

    /// <param name="headroom">Bytes in front of each fragment that whoever takes it may write to.</param>
    /// <param name="tailroom">Bytes behind it, likewise.</param>
    public EarlyFragments(int headroom, int tailroom)
    {
        _headroom = headroom;
        _slotSize = headroom + MaxLength + tailroom;
    }

    /// <summary>Fragments that are held. For any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Holds a fragment.</summary>
    /// <param name="key">Its packet.</param>
    /// <param name="fragment">The fragment, which is copied.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    /// <param name="displaced">How many others were dropped for it, 0 or 1.</param>
    /// <returns>False if it is too long.</returns>
    public bool TryHold(FragmentKey key, in PacketView fragment, uint now, out int displaced)
    {
        displaced = 0;
        if (fragment.Length > MaxLength)
        {
            return false;
        }

        var slot = 0;
        for (var i = 0; i < Capacity; i++)
        {
            if (_held[i].Length == 0)
            {
                slot = i;
                break;
            }

            if ((int)(_held[i].Since - _held[slot].Since) < 0)
            {
                slot = i;
            }
        }

        _memory ??= GC.AllocateUninitializedArray<byte>(Capacity * _slotSize, pinned: true);
        displaced = _held[slot].Length > 0 ? 1 : 0;
        Volatile.Write(ref _count, _count + 1 - displaced);
        Unsafe.CopyBlockUnaligned(Start(slot), fragment.Start, (uint)fragment.Length);
        _held[slot] = new Held
        {
            Key = key,
            Length = fragment.Length,
            Since = now,
        };
        return true;
    }

    /// <summary>The next fragment of a packet whose first one has passed.</summary>
    /// <param name="key">The packet.</param>
    /// <param name="slot">Where to look from; then behind the one that was found. Its bytes stay until <see
    /// cref="Release"/>.</param>
    /// <param name="fragment">The fragment.</param>
    public bool TryFind(FragmentKey key, ref int slot, out PacketView fragment)
    {
        fragment = default;
        while (slot < Capacity)
        {
            var at = slot++;
            if (_held[at].Length > 0 && _held[at].Key == key)
            {
                fragment = PacketView.Parse(Start(at), _held[at].Length);
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets the fragments of a packet.</summary>
    public void Release(FragmentKey key)
    {
        for (var i = 0; i < Capacity; i++)
        {
            if (_held[i].Length > 0 && _held[i].Key == key)
            {
                Free(i);
            }
        }
    }

    /// <summary>Drops the fragments that have waited for too long.</summary>
    /// <returns>How many.</returns>
    public int Expire(uint now)
    {
        var expired = 0;
        for (var i = 0; _count > 0 && i < Capacity; i++)
        {
            if (_held[i].Length > 0 && now - _held[i].Since > Patience)
            {
                Free(i);
                expired++;
            }
        }

        return expired;
    }

    private byte* Start(int slot) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory!)) + (slot * _slotSize) + _headroom;

    private void Free(int slot)
    {
        _held[slot] = default;
        Volatile.Write(ref _count, _count - 1);
    }

    private struct Held
    {
        public FragmentKey Key;
        public int Length;
        public uint Since;
    }
}
