// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>
/// What an index in a received message stands for: a session, or an initiation of ours that waits for its response.
/// Indices are drawn by chance, so that they tell strangers nothing; a peer has four at most.
/// </summary>
internal sealed class SessionTable(RandomSource random)
{
    private readonly Dictionary<uint, Entry> _entries = [];

    /// <summary>How many there are.</summary>
    public int Count => _entries.Count;

    /// <summary>Draws an index for an initiation.</summary>
    public uint Add(Peer peer) => Draw(new Entry(peer, null));

    /// <summary>Draws an index that nobody has, for a session that is made next.</summary>
    public uint DrawFree()
    {
        uint index;
        do
        {
            index = random.NextUInt32();
        } while (_entries.ContainsKey(index));
        return index;
    }

    /// <summary>Enters a session under its index, in place of its initiation if that had it.</summary>
    public void Set(Session session) => _entries[session.LocalIndex] = new Entry(session.Peer, session);

    /// <summary>Takes an index out.</summary>
    public void Remove(uint index) => _entries.Remove(index);

    /// <summary>What an index stands for; nothing if nobody has it.</summary>
    public Entry Find(uint index) => _entries.GetValueOrDefault(index);

    private uint Draw(Entry entry)
    {
        var index = DrawFree();
        _entries.Add(index, entry);
        return index;
    }

    /// <summary>A peer, and its session unless the index is an initiation's.</summary>
    internal readonly record struct Entry(Peer? Peer, Session? Session);
}
