// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace UdpTunnel.Config;

/// <summary>The length of a prefix in bits, as it stands behind the slash of a network.</summary>
internal static class NetworkLength
{
    /// <summary>Reads one.</summary>
    /// <param name="text">What stands behind the slash.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Greatest value: the bits of an address.</param>
    /// <param name="length">The length.</param>
    /// <param name="error">What was read and what is allowed, if it is none.</param>
    public static bool TryParse(
        ReadOnlySpan<char> text,
        int min,
        int max,
        out int length,
        [NotNullWhen(false)] out string? error
    )
    {
        error = null;
        if (DecimalNumber.TryParse(text, max, out length) && length >= min)
        {
            return true;
        }

        error = OfMask(text) is { } bits
            ? $"{Excerpt.Quote(text)} is a netmask; write the length of the prefix (/{bits})"
            : $"{Excerpt.Quote(text)} is not a prefix length ({min} to {max})";
        return false;
    }

    /// <summary>The length that a netmask such as 255.255.255.0 means; null if it is none.</summary>
    private static int? OfMask(ReadOnlySpan<char> text)
    {
        if (!Ipv4Literal.TryParse(text, out var mask))
        {
            return null;
        }

        var bits = BitOperations.LeadingZeroCount(~mask);
        return mask == (bits == 0 ? 0 : uint.MaxValue << (32 - bits)) ? bits : null;
    }
}
