using System.Collections;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Config;

/// <summary>Networks in the order in which a file lists them. Lists of the same networks in the same order are equal.</summary>
[CollectionBuilder(typeof(Ipv4NetworkList), nameof(Create))]
public sealed class Ipv4NetworkList : IReadOnlyList<Ipv4Network>, IEquatable<Ipv4NetworkList>
{
    /// <summary>The most networks that a file may list: each is compared with the addresses of a new flow's first packet.</summary>
    public const int MaxCount = 256;

    private readonly Ipv4Network[] _networks;

    private Ipv4NetworkList(Ipv4Network[] networks) => _networks = networks;

    /// <summary>How many there are.</summary>
    public int Count => _networks.Length;

    /// <summary>The networks.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public Ipv4Network this[int index] => _networks[index];

    /// <summary>A list of networks.</summary>
    /// <param name="networks">The networks.</param>
    /// <returns>The list.</returns>
    public static Ipv4NetworkList Create(ReadOnlySpan<Ipv4Network> networks) => new(networks.ToArray());

    /// <inheritdoc/>
    public IEnumerator<Ipv4Network> GetEnumerator() => ((IEnumerable<Ipv4Network>)_networks).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(Ipv4NetworkList? other) => other is not null && _networks.AsSpan().SequenceEqual(other._networks);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Ipv4NetworkList);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var network in _networks)
        {
            hash.Add(network);
        }

        return hash.ToHashCode();
    }

    /// <summary>For a person.</summary>
    /// <returns>For example <c>10.0.0.0/24, 192.0.2.1/32</c>.</returns>
    public override string ToString() => string.Join(", ", _networks);
}
