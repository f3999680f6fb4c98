using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace UdpTunnel.Config;

/// <summary>
/// An IPv4 address of a device together with the length of its network's prefix, for example <c>10.0.0.1/24</c>.
/// </summary>
public sealed record InterfaceAddress
{
    /// <summary>Prefix length when the text has none; the predecessor's fixed value.</summary>
    public const int DefaultPrefixLength = 24;

    private InterfaceAddress(uint address, int prefixLength)
    {
        Address = new IPAddress([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);
        PrefixLength = prefixLength;
    }

    /// <summary>The address: a host's, neither loopback nor multicast.</summary>
    public IPAddress Address { get; }

    /// <summary>Length of the network's prefix in bits, 1 to 32.</summary>
    public int PrefixLength { get; }

    /// <summary>Reads <c>10.0.0.1</c> or <c>10.0.0.1/24</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address, if a device can have it.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if a device can have it.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out InterfaceAddress? address,
        [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var prefixLength = DefaultPrefixLength;
        if (!Ipv4Literal.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var bits))
        {
            error = $"{Excerpt.Quote(text)} is not an IPv4 address (such as \"10.0.0.1\" or \"10.0.0.1/24\")";
            return false;
        }

        if (slash >= 0 && (!DecimalNumber.TryParse(text.AsSpan(slash + 1), 32, out prefixLength) || prefixLength == 0))
        {
            error = $"{Excerpt.Quote(text.AsSpan(slash + 1))} is not a prefix length (1 to 32)";
            return false;
        }

        error = WhyNoHost(bits, prefixLength) is { } reason ? $"{Excerpt.Quote(text)} is {reason}" : null;
        address = error is null ? new InterfaceAddress(bits, prefixLength) : null;
        return error is null;
    }

    /// <summary>The canonical form, always with the prefix length.</summary>
    /// <returns>For example <c>10.0.0.1/24</c>.</returns>
    public override string ToString() => $"{Address}/{PrefixLength}";

    /// <summary>
    /// RFC 1122, section 3.2.1.3, and for prefixes of 31 and 32 bits, which have no such addresses, RFC 3021.
    /// </summary>
    private static string? WhyNoHost(uint address, int prefixLength)
    {
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
}
