using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Config;

/// <summary>
/// Networks of both IP versions in the order in which a file lists them. Lists of the same networks in the same order
/// are equal.
/// </summary>
[CollectionBuilder(typeof(IpNetworkList), nameof(Create))]
public sealed class IpNetworkList : IReadOnlyList<IPNetwork>, IEquatable<IpNetworkList>
{
    /// <summary>The most networks that a file may list: each is compared with the address of a new client.</summary>
    public const int MaxCount = 256;

    private readonly IPNetwork[] _networks;

    private IpNetworkList(IPNetwork[] networks) => _networks = networks;

    /// <summary>How many there are.</summary>
    public int Count => _networks.Length;

    /// <summary>The networks.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public IPNetwork this[int index] => _networks[index];

    /// <summary>A list of networks.</summary>
    /// <param name="networks">The networks.</param>
    /// <returns>The list.</returns>
    public static IpNetworkList Create(ReadOnlySpan<IPNetwork> networks) => new(networks.ToArray());

    /// <summary>Reads <c>10.0.0.0/24</c>, <c>2001:db8::/32</c> or a single address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="network">The network, if it is one.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it is one.</returns>
    public static bool TryParse(string text, out IPNetwork network, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];
        if (!TryParseAddress(host, out var address))
        {
            error = $"{Excerpt.Quote(text)} is not a network (such as \"10.0.0.0/24\" or \"2001:db8::/32\")";
            return false;
        }

        var most = address.GetAddressBytes().Length * 8;
        var length = most;
        if (slash >= 0 && !DecimalNumber.TryParse(text.AsSpan(slash + 1), most, out length))
        {
            error = $"{Excerpt.Quote(text.AsSpan(slash + 1))} is not a prefix length (0 to {most})";
            return false;
        }

        network = new IPNetwork(Mask(address, length), length);
        error = network.BaseAddress.Equals(address)
            ? null
            : $"{Excerpt.Quote(text)} has bits behind its prefix (\"{network}\" is the network)";
        return error is null;
    }

    /// <inheritdoc/>
    public IEnumerator<IPNetwork> GetEnumerator() => ((IEnumerable<IPNetwork>)_networks).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(IpNetworkList? other) => other is not null && _networks.AsSpan().SequenceEqual(other._networks);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as IpNetworkList);

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
    /// <returns>For example <c>10.0.0.0/24, 2001:db8::/32</c>.</returns>
    public override string ToString() => string.Join(", ", _networks);

    // IPAddress alone takes "1" and "0x7f.1" for addresses, and a zone, which a network has not.
    private static bool TryParseAddress(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        if (Ipv4Literal.TryParse(text, out var number))
        {
            address = new IPAddress([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
            return true;
        }

        address = null;
        return text.Contains(':', StringComparison.Ordinal)
            && !text.Contains('%', StringComparison.Ordinal)
            && !text.Contains('[', StringComparison.Ordinal)
            && IPAddress.TryParse(text, out address)
            && !address.IsIPv4MappedToIPv6;
    }

    private static IPAddress Mask(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var bits = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - bits));
        }

        return new IPAddress(bytes);
    }
}
