// SPDX-License-Identifier: BSD-3-Clause

using System.Collections;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>
/// A set of ports, kept as the fewest ranges in ascending order. Sets of the same ports are equal, however they came
/// about.
/// </summary>
[CollectionBuilder(typeof(PortSet), nameof(Create))]
public sealed class PortSet : IReadOnlyList<PortRange>, IEquatable<PortSet>
{
    /// <summary>The word for all ports.</summary>
    internal const string AllWord = "all";

    private readonly PortRange[] _ranges;

    private PortSet(PortRange[] ranges) => _ranges = ranges;

    /// <summary>All ports, 1 to 65,535.</summary>
    public static PortSet All { get; } = new([new PortRange(1, ushort.MaxValue)]);

    /// <summary>Whether it has all ports.</summary>
    public bool IsAll => Equals(All);

    /// <summary>How many ranges it has; see <see cref="PortCount"/> for the ports.</summary>
    public int Count => _ranges.Length;

    /// <summary>How many ports it has.</summary>
    public int PortCount => _ranges.Sum(r => r.Count);

    /// <summary>The ranges in ascending order; between two of them at least one port is missing.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public PortRange this[int index] => _ranges[index];

    /// <summary>Whether two sets have the same ports.</summary>
    /// <param name="left">One set.</param>
    /// <param name="right">The other.</param>
    /// <returns>True if they have.</returns>
    public static bool operator ==(PortSet? left, PortSet? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Whether one of two sets has a port that the other has not.</summary>
    /// <param name="left">One set.</param>
    /// <param name="right">The other.</param>
    /// <returns>True if so.</returns>
    public static bool operator !=(PortSet? left, PortSet? right) => !(left == right);

    /// <summary>The ports of all given ranges, which may overlap and come in any order.</summary>
    /// <param name="ranges">The ranges.</param>
    /// <returns>The set.</returns>
    public static PortSet Create(ReadOnlySpan<PortRange> ranges)
    {
        var sorted = ranges.ToArray();
        Array.Sort(sorted, static (a, b) => a.First.CompareTo(b.First));
        var merged = new List<PortRange>();
        foreach (var range in sorted)
        {
            // Neighbours such as 22 and 23 merge too, hence + 1.
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
            {
                merged[^1] = new PortRange(merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            }
            else
            {
                merged.Add(range);
            }
        }

        return new PortSet([.. merged]);
    }

    /// <summary>Whether a port is in it; a binary search.</summary>
    /// <param name="port">The port.</param>
    /// <returns>True if it is.</returns>
    public bool Contains(ushort port)
    {
        var low = 0;
        var high = _ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (port < _ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (port > _ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>This set and the ports of a range.</summary>
    /// <param name="range">The ports to add.</param>
    /// <returns>Another set.</returns>
    public PortSet Union(PortRange range) => Create([.. _ranges, range]);

    /// <summary>This set without the ports of a range.</summary>
    /// <param name="range">The ports to take away.</param>
    /// <returns>Another set, which may be empty.</returns>
    public PortSet Except(PortRange range) => Except(Create([range]));

    /// <summary>The ports of both sets. The cost grows with their ranges, not with the product of them.</summary>
    /// <param name="other">The other set.</param>
    /// <returns>Another set.</returns>
    public PortSet Union(PortSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Create([.. _ranges, .. other._ranges]);
    }

    /// <summary>
    /// This set without the ports of another. The cost grows with their ranges, not with the product of them.
    /// </summary>
    /// <param name="other">The ports to take away.</param>
    /// <returns>Another set, which may be empty.</returns>
    public PortSet Except(PortSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var rest = new List<PortRange>();
        var next = 0;
        foreach (var mine in _ranges)
        {
            // An int, since it may come to stand behind the last port.
            int first = mine.First;
            while (next < other.Count && other[next].Last < first)
            {
                next++;
            }

            for (var i = next; i < other.Count && other[i].First <= mine.Last; i++)
            {
                if (other[i].First > first)
                {
                    rest.Add(new PortRange((ushort)first, (ushort)(other[i].First - 1)));
                }

                first = other[i].Last + 1;
            }

            if (first <= mine.Last)
            {
                rest.Add(new PortRange((ushort)first, mine.Last));
            }
        }

        return new PortSet([.. rest]);
    }

    /// <inheritdoc/>
    public bool Equals(PortSet? other) => other is not null && _ranges.AsSpan().SequenceEqual(other._ranges);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PortSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var range in _ranges)
        {
            hash.Add(range);
        }

        return hash.ToHashCode();
    }

    /// <summary>The ranges for a person.</summary>
    /// <returns>For example <c>22, 8000-8010</c>, or <c>all</c>; empty for the empty set.</returns>
    public override string ToString() => IsAll ? AllWord : string.Join(", ", _ranges);

    /// <inheritdoc/>
    public IEnumerator<PortRange> GetEnumerator() => ((IEnumerable<PortRange>)_ranges).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Writes the value of <c>AllowedPorts</c>: numbers, and strings for ranges, on one line.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="allAsWord">Whether all ports are written as <c>"all"</c>, which older versions do not read.</param>
    internal void Write(Utf8JsonWriter json, bool allAsWord)
    {
        if (IsAll && allAsWord)
        {
            json.WriteStringValue(AllWord);
            return;
        }

        var list = new StringBuilder("[");
        foreach (var range in _ranges)
        {
            list.Append(list.Length > 1 ? ", " : "");
            list.Append(range.Count == 1 ? $"{range}" : $"\"{range}\"");
        }

        json.WriteRawValue(list.Append(']').ToString());
    }
}
