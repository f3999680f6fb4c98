using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.WireGuard;

/// <summary>A network, IPv4 or IPv6: its first bits. The bits behind them are zero.</summary>
internal readonly record struct IpPrefix
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

    /// <summary>The network that an address is in.</summary>
    /// <param name="address">Host bits are ignored.</param>
    /// <param name="length">Bits of the network.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not that many bits.</exception>
    public static IpPrefix Of(IPAddress address, int length)
    {
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

    /// <summary>The one below with other bits, for the nodes between prefixes.</summary>
    internal static IpPrefix Of(bool isV6, ulong high, ulong low, int length) => new(isV6, high, low, length);

    /// <summary>"10.0.0.0/8" or "2001:db8::/32".</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
        return $"{new IPAddress(IsV6 ? bytes : bytes[..4])}/{Length}";
    }

    private static ulong Mask(int bits) => bits <= 0 ? 0 : bits >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - bits);
}
