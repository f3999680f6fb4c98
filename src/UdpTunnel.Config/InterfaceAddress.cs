// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Config;

/// <summary>
/// An address of a device together with the length of its network's prefix, for example <c>10.0.0.1/24</c> or
/// <c>fd00::1/64</c>.
/// </summary>
public sealed record InterfaceAddress
{
    /// <summary>
    /// Prefix length in a classic tunnel's file when the text has none; the predecessor's fixed value.
    /// </summary>
    public const int DefaultPrefixLength = 24;

    private InterfaceAddress(IPAddress address, int prefixLength)
    {
        Address = address;
        PrefixLength = prefixLength;
    }

    /// <summary>The address: a host's, neither loopback nor multicast.</summary>
    public IPAddress Address { get; }

    /// <summary>Length of the network's prefix in bits, 1 to 32 or 128.</summary>
    public int PrefixLength { get; }

    /// <summary>Its family.</summary>
    public bool IsV6 => Address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>The network that the address is in.</summary>
    public IpPrefix Network => IpPrefix.Of(Address, PrefixLength);

    /// <summary>Reads <c>10.0.0.1</c> or <c>10.0.0.1/24</c>, as a classic tunnel has it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address, if a device can have it.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if a device can have it.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out InterfaceAddress? address,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!Ipv4Literal.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var bits))
        {
            error = $"{Excerpt.Quote(text)} is not an IPv4 address (such as \"10.0.0.1\" or \"10.0.0.1/24\")";
            return false;
        }

        return TryFinish(text, IpLiteral.OfIPv4(bits), slash, DefaultPrefixLength, out address, out error);
    }

    /// <summary>Reads an address of either family with its prefix length, as a secure tunnel has it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="requiresLength">
    /// Whether the prefix length must be there; without it the address is a network of its own.
    /// </param>
    /// <param name="address">The address, if a device can have it.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if a device can have it.</returns>
    public static bool TryParseEither(
        string text,
        bool requiresLength,
        [NotNullWhen(true)] out InterfaceAddress? address,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IpLiteral.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var ip))
        {
            error = $"{Excerpt.Quote(text)} is not an address (such as \"10.99.0.1/24\" or \"fd00::1/64\")";
            return false;
        }

        if (slash < 0 && requiresLength)
        {
            error = $"{Excerpt.Quote(text)} has no prefix length (such as \"{ip}/{(IsIPv6(ip) ? 64 : 24)}\")";
            return false;
        }

        return TryFinish(text, ip, slash, IsIPv6(ip) ? 128 : 32, out address, out error);
    }

    /// <summary>The canonical form, always with the prefix length.</summary>
    /// <returns>For example <c>10.0.0.1/24</c>.</returns>
    public override string ToString() => $"{Address}/{PrefixLength}";

    private static bool TryFinish(
        string text,
        IPAddress ip,
        int slash,
        int prefixLength,
        [NotNullWhen(true)] out InterfaceAddress? address,
        [NotNullWhen(false)] out string? error
    )
    {
        address = null;
        var bits = IsIPv6(ip) ? 128 : 32;
        error = null;
        if (slash >= 0 && !NetworkLength.TryParse(text.AsSpan(slash + 1), 1, bits, out prefixLength, out error))
        {
            return false;
        }

        var reason = IsIPv6(ip) ? WhyNoHostV6(ip) : WhyNoHostV4(ip, prefixLength);
        error = reason is not null ? $"{Excerpt.Quote(text)} is {reason}" : null;
        address = error is null ? new InterfaceAddress(ip, prefixLength) : null;
        return error is null;
    }

    private static bool IsIPv6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>
    /// RFC 1122, section 3.2.1.3, and for prefixes of 31 and 32 bits, which have no such addresses, RFC 3021.
    /// </summary>
    private static string? WhyNoHostV4(IPAddress ip, int prefixLength)
    {
        var address = BinaryPrimitives.ReadUInt32BigEndian(ip.GetAddressBytes());
        var hostBits = uint.MaxValue >>> 1 >>> (prefixLength - 1);
        return (address >> 24) switch
        {
            0 => "in 0.0.0.0/8, which no host can have",
            127 => "a loopback address, which cannot be reached through a tunnel",
            >= 224 and <= 239 => "a multicast address, which no host can have",
            _ when address == uint.MaxValue => "the broadcast address, which no host can have",
            _ when prefixLength > 30 => null,
            _ when (address & hostBits) == 0 => $"the address of its /{prefixLength} network, which no host can have",
            _ when (address & hostBits) == hostBits =>
                $"the broadcast address of its /{prefixLength} network, which no host can have",
            _ => null,
        };
    }

    /// <summary>RFC 4291, section 2.5 and 2.7.</summary>
    private static string? WhyNoHostV6(IPAddress address) =>
        address switch
        {
            { IsIPv6Multicast: true } => "a multicast address, which no host can have",
            { IsIPv4MappedToIPv6: true } => "an IPv4 address in the form of an IPv6 one: write it as IPv4",
            _ when address.Equals(IPAddress.IPv6Any) => "the unspecified address, which no host can have",
            _ when IPAddress.IsLoopback(address) => "a loopback address, which cannot be reached through a tunnel",
            _ => null,
        };
}
