// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The first fragments of one direction that passed in the last 30 s. Private to the direction's thread. Fixed in size:
/// 16 KiB.
/// <para>
/// Unlike a flow, a first fragment displaces the oldest one when there is no room: the rest of a packet follows its
/// first fragment within moments, so the newest are those that matter, and a flood costs other packets their tail but
/// never lets one through.
/// </para>
/// </summary>
internal sealed class FragmentTable
{
    /// <summary>
    /// Seconds that a first fragment is remembered: as long as Linux waits for the rest (net.ipv4.ipfrag_time).
    /// </summary>
    public const uint Lifetime = 30;

    /// <summary>First fragments remembered at most.</summary>
    public const int Capacity = Sets * Ways;

    private const int Sets = 256;
    private const int Ways = 4;

    // Keys of IPv4 have 24 bits.
    private const uint V6Mark = 1u << 31;

    private readonly SeededHash _hash = new();
    private readonly Entry[] _entries = new Entry[Capacity];

    /// <summary>The key of a fragment's packet.</summary>
    /// <param name="packet">A fragment whose IP header is there.</param>
    /// <param name="peer">Number of the peer.</param>
    public FragmentKey KeyOf(in PacketView packet, ushort peer)
    {
        if (packet.IsV6)
        {
            ulong addresses = _hash.Of(
                _hash.Of(packet.SourceHigh, packet.SourceLow),
                _hash.Of(packet.DestinationLow, packet.DestinationHigh)
            );
            return new FragmentKey(
                _hash.Of(addresses, ((ulong)peer << 32) | packet.FragmentId),
                V6Mark | packet.FragmentId
            );
        }

        ulong pair = (packet.SourceLow << 32) | (uint)packet.DestinationLow;
        return new FragmentKey(peer == 0 ? pair : _hash.Of(pair, peer), (packet.FragmentId << 8) | packet.Protocol);
    }

    /// <summary>Lets the later fragments of a packet pass.</summary>
    /// <param name="key">The packet.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    public void Remember(FragmentKey key, uint now)
    {
        Span<Entry> set = SetOf(key);
        int place = 0;
        uint oldest = 0;
        for (int way = 0; way < set.Length; way++)
        {
            if (set[way].Is(key))
            {
                place = way;
                break;
            }

            uint age = set[way].IsFree ? uint.MaxValue : now - set[way].Seen;
            if (age > oldest)
            {
                oldest = age;
                place = way;
            }
        }

        set[place] = new Entry(key, now);
    }

    /// <summary>
    /// No longer lets the later fragments of a packet pass: another first fragment for it came and was dropped.
    /// </summary>
    /// <param name="key">The packet.</param>
    public void Forget(FragmentKey key)
    {
        foreach (ref Entry entry in SetOf(key))
        {
            if (entry.Is(key))
            {
                entry = default;
            }
        }
    }

    /// <summary>Whether the first fragment of a packet passed in the last 30 s.</summary>
    /// <param name="key">The packet.</param>
    /// <param name="now">Seconds of a monotonic clock.</param>
    public bool Contains(FragmentKey key, uint now)
    {
        foreach (ref readonly Entry entry in SetOf(key))
        {
            if (entry.Is(key))
            {
                return now - entry.Seen < Lifetime;
            }
        }

        return false;
    }

    private Span<Entry> SetOf(FragmentKey key)
    {
        int set = (int)(_hash.Of(key.Addresses, key.Rest) % Sets);
        return _entries.AsSpan(set * Ways, Ways);
    }

    private readonly struct Entry(FragmentKey key, uint seen)
    {
        private readonly ulong _addresses = key.Addresses;
        private readonly uint _rest = key.Rest;

        public uint Seen { get; } = seen;

        public bool IsFree => _rest == 0;

        public bool Is(FragmentKey key) => _rest == key.Rest && _addresses == key.Addresses;
    }
}

/// <summary>
/// What the fragments of one packet have in common: source, destination, identification, for IPv4 the protocol (RFC
/// 791, section 3.2; RFC 8200, section 4.5), and the peer. Made by <see cref="FragmentTable.KeyOf"/>.
/// </summary>
/// <param name="Addresses">Both addresses of IPv4; else a hash of everything with a secret seed.</param>
/// <param name="Rest">What is left. Never 0.</param>
internal readonly record struct FragmentKey(ulong Addresses, uint Rest);
