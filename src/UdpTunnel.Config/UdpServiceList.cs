// SPDX-License-Identifier: BSD-3-Clause

using System.Collections;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Config;

/// <summary>
/// The UDP services of a relay in the order in which a file lists them; at least one. Lists of the same services in the
/// same order are equal.
/// </summary>
[CollectionBuilder(typeof(UdpServiceList), nameof(Create))]
public sealed class UdpServiceList : IReadOnlyList<UdpService>, IEquatable<UdpServiceList>
{
    /// <summary>The most entries: a sender tells all of them to its receiver in one short frame.</summary>
    public const int MaxCount = 64;

    /// <summary>The most ports in all: a receiver has a socket for each.</summary>
    public const int MaxPorts = 1024;

    private readonly UdpService[] _services;

    private UdpServiceList(UdpService[] services) => _services = services;

    /// <summary>How many entries there are.</summary>
    public int Count => _services.Length;

    /// <summary>How many ports there are in all.</summary>
    public int PortCount => _services.Sum(s => s.Count);

    /// <summary>The entries.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public UdpService this[int index] => _services[index];

    /// <summary>A list with one service on one port.</summary>
    /// <param name="address">Where it is.</param>
    public static implicit operator UdpServiceList(HostPort address) => FromHostPort(address);

    /// <summary>A list with one service on one port.</summary>
    /// <param name="address">Where it is.</param>
    /// <returns>The list.</returns>
    public static UdpServiceList FromHostPort(HostPort address) => new([UdpService.At(address)]);

    /// <summary>A list of services.</summary>
    /// <param name="services">The services.</param>
    /// <returns>The list.</returns>
    public static UdpServiceList Create(ReadOnlySpan<UdpService> services) => new(services.ToArray());

    /// <inheritdoc/>
    public IEnumerator<UdpService> GetEnumerator() => ((IEnumerable<UdpService>)_services).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(UdpServiceList? other) => other is not null && _services.AsSpan().SequenceEqual(other._services);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as UdpServiceList);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var service in _services)
        {
            hash.Add(service);
        }

        return hash.ToHashCode();
    }

    /// <summary>For a person.</summary>
    /// <returns>For example <c>:53, :27015-27030</c>.</returns>
    public override string ToString() => string.Join<UdpService>(", ", _services);
}
