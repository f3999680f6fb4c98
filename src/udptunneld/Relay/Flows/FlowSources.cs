// SPDX-License-Identifier: BSD-3-Clause

using System.Numerics;
using UdpTunnel.Filter;

namespace UdpTunnel.Relay.Flows;

/// <summary>Flows of one source, or of one network.</summary>
internal sealed class FlowSource(ulong key, int list)
{
    /// <summary>The address or network.</summary>
    public ulong Key { get; } = key;

    /// <summary>Its flows.</summary>
    public FlowGroup Flows { get; } = new(list);

    /// <summary>Its neighbours among those with about as many flows.</summary>
    public FlowSource? Previous { get; set; }

    /// <inheritdoc cref="Previous"/>
    public FlowSource? Next { get; set; }
}

/// <summary>
/// Who has how many flows of a table. Sources stand in a list for each power of two of their number of flows: 'most' is
/// exact to a factor of two, and found without looking at more than one source. Belongs to the table's thread; memory
/// is bounded by the table, for nobody is in it without a flow.
/// </summary>
/// <param name="list">Which of a flow's links they use.</param>
internal sealed class FlowSources(int list)
{
    private const int Sizes = 17;

    private readonly Dictionary<ulong, FlowSource> _all = new(new SourceComparer());
    private readonly FlowSource?[] _bySize = new FlowSource?[Sizes];
    private uint _occupied;

    /// <summary>The source of a key, which is known from now on.</summary>
    public FlowSource Find(ulong key)
    {
        if (!_all.TryGetValue(key, out var source))
        {
            source = new FlowSource(key, list);
            _all.Add(key, source);
        }

        return source;
    }

    /// <summary>A source has one flow more.</summary>
    public void Add(FlowSource source, RelayFlow flow)
    {
        var before = source.Flows.Count;
        source.Flows.Add(flow);
        Resize(source, before);
    }

    /// <summary>A source has one flow less.</summary>
    public void Remove(FlowSource source, RelayFlow flow)
    {
        var before = source.Flows.Count;
        source.Flows.Remove(flow);
        Resize(source, before);
        if (source.Flows.Count == 0)
        {
            _all.Remove(source.Key);
        }
    }

    /// <summary>
    /// A source beyond a share of the table: the claimant if it is one of those with most, else one of those.
    /// </summary>
    /// <param name="claimant">Who wants one more flow.</param>
    /// <param name="share">Flows that anybody may have.</param>
    /// <returns>Null if nobody has more.</returns>
    public FlowSource? Greediest(ulong claimant, int share)
    {
        if (_occupied == 0)
        {
            return null;
        }

        var most = BitOperations.Log2(_occupied);
        var own = _all.GetValueOrDefault(claimant);
        var greediest = own is not null && SizeOf(own.Flows.Count) == most ? own : _bySize[most]!;
        return greediest.Flows.Count > share ? greediest : null;
    }

    private static int SizeOf(int flows) => flows == 0 ? -1 : BitOperations.Log2((uint)flows);

    private void Resize(FlowSource source, int before)
    {
        var (from, to) = (SizeOf(before), SizeOf(source.Flows.Count));
        if (from == to)
        {
            return;
        }

        if (from >= 0)
        {
            Leave(source, from);
        }

        if (to >= 0)
        {
            source.Next = _bySize[to];
            if (source.Next is { } next)
            {
                next.Previous = source;
            }

            _bySize[to] = source;
            _occupied |= 1u << to;
        }
    }

    private void Leave(FlowSource source, int size)
    {
        if (source.Previous is { } previous)
        {
            previous.Next = source.Next;
        }
        else
        {
            _bySize[size] = source.Next;
            if (source.Next is null)
            {
                _occupied &= ~(1u << size);
            }
        }

        if (source.Next is { } next)
        {
            next.Previous = source.Previous;
        }

        (source.Previous, source.Next) = (null, null);
    }

    /// <summary>With a seed, so that nobody outside can choose networks that all fall into one bucket.</summary>
    private sealed class SourceComparer : IEqualityComparer<ulong>
    {
        private readonly SeededHash _hash = new();

        public bool Equals(ulong x, ulong y) => x == y;

        public int GetHashCode(ulong key) => (int)_hash.Of(key, 0);
    }
}
