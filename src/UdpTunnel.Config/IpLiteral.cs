// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace UdpTunnel.Config;

/// <summary>
/// Addresses of both families as text. Reading one looks nothing up, not even the devices of this host.
/// </summary>
internal static class IpLiteral
{
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Reads an address of either family.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        if (Ipv4Literal.TryParse(text, out var bits))
        {
            address = OfIPv4(bits);
            return true;
        }

        return TryParseIPv6(text, out address);
    }

    /// <summary>The IPv4 address with those bits, in host byte order.</summary>
    public static IPAddress OfIPv4(uint bits) =>
        new([(byte)(bits >> 24), (byte)(bits >> 16), (byte)(bits >> 8), (byte)bits]);

    /// <summary>
    /// Reads an IPv6 address without a zone. The framework would look a zone up among this host's devices, and takes
    /// forms that are no address.
    /// </summary>
    public static bool TryParseIPv6(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        return !text.ContainsAnyExcept(IPv6Characters)
            && text.Contains(':')
            && HasStrictIPv4Tail(text)
            && IPAddress.TryParse(text, out address);
    }

    private static bool HasStrictIPv4Tail(ReadOnlySpan<char> text) =>
        !text.Contains('.') || Ipv4Literal.TryParse(text[(text.LastIndexOf(':') + 1)..], out _);
}
