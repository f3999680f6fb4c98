// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Config;

/// <summary>A network, IPv4 or IPv6: its first bits. The bits behind them are zero.</summary>
public readonly record struct IpPrefix
{
    private IpPrefix(bool isV6, ulong high, ulong low, int length)
    {
        IsV6 = isV6;
        Length = length;
        High = high & Mask(length);
        Low = low & Mask(length - 64);
    }

    /// <summary>Its family.</summary>
    public bool IsV6 { get; }

    /// <summary>The first 64 bits; an IPv4 address is the upper half of them.</summary>
    public ulong High { get; }

    /// <summary>The last 64 bits of an IPv6 address.</summary>
    public ulong Low { get; }

    /// <summary>How many bits count: 0 to 32 or 128.</summary>
    public int Length { get; }

    /// <summary>Whether it is all of its family, <c>0.0.0.0/0</c> or <c>::/0</c>.</summary>
    public bool IsDefault => Length == 0;

    /// <summary>The first address.</summary>
    public IPAddress Address
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
            return new IPAddress(IsV6 ? bytes : bytes[..4]);
        }
    }

    /// <summary>The network that an address is in.</summary>
    /// <param name="address">Host bits are ignored.</param>
    /// <param name="length">Bits of the network.</param>
    /// <returns>The network.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are not that many bits.</exception>
    public static IpPrefix Of(IPAddress address, int length)
    {
        ArgumentNullException.ThrowIfNull(address);
        var isV6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, isV6 ? 128 : 32);
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        var high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        var low = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        return new(isV6, high, low, length);
    }

    /// <summary>The network of some bits.</summary>
    /// <param name="isV6">Its family.</param>
    /// <param name="high">The first 64 bits.</param>
    /// <param name="low">The last 64 bits.</param>
    /// <param name="length">How many of them count.</param>
    /// <returns>The network; bits behind those that count are cleared.</returns>
    public static IpPrefix Of(bool isV6, ulong high, ulong low, int length) => new(isV6, high, low, length);

    /// <summary>Reads <c>10.0.0.0/24</c>, <c>2001:db8::/32</c>, or an address, which is its own network.</summary>
    /// <param name="text">The text.</param>
    /// <param name="prefix">The network, if there is one: also with host bits, which are cleared, in an error.</param>
    /// <param name="hasHostBits">Whether host bits are all that is wrong.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it is one.</returns>
    public static bool TryParse(
        string text,
        out IpPrefix prefix,
        out bool hasHostBits,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        prefix = default;
        hasHostBits = false;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IpLiteral.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address))
        {
            error = $"{Excerpt.Quote(text)} is not a network (such as \"10.99.0.2/32\" or \"2001:db8::/32\")";
            return false;
        }

        var bits = address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
        var length = bits;
        error = null;
        if (slash >= 0 && !NetworkLength.TryParse(text.AsSpan(slash + 1), 0, bits, out length, out error))
        {
            return false;
        }

        prefix = Of(address, length);
        var exact = Of(address, bits);
        hasHostBits = (prefix.High, prefix.Low) != (exact.High, exact.Low);
        error = hasHostBits ? $"{Excerpt.Quote(text)} has bits behind its prefix (\"{prefix}\" is the network)" : null;
        return error is null;
    }

    /// <summary>Whether all of another network is in this one.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>True if it is, also if they are the same.</returns>
    public bool Contains(IpPrefix other) =>
        IsV6 == other.IsV6 && Length <= other.Length && Of(IsV6, other.High, other.Low, Length) == this;

    /// <summary>"10.0.0.0/8" or "2001:db8::/32".</summary>
    /// <returns>The form that <see cref="TryParse"/> reads.</returns>
    public override string ToString() => $"{Address}/{Length}";

    private static ulong Mask(int bits) =>
        bits <= 0 ? 0
        : bits >= 64 ? ulong.MaxValue
        : ulong.MaxValue << (64 - bits);
}
