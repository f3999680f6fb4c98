// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>
/// IPv4 addresses in dotted decimal with four parts and no leading zeros. The framework's parser follows inet_aton, for
/// which <c>10.1</c> and <c>010.0.0.1</c> are addresses, though not those that the writer meant.
/// </summary>
internal static class Ipv4Literal
{
    /// <summary>Reads an address.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="address">The address in host byte order.</param>
    public static bool TryParse(ReadOnlySpan<char> text, out uint address)
    {
        address = 0;
        var parts = 0;
        foreach (var part in text.Split('.'))
        {
            var digits = text[part];
            if (++parts > 4 || !DecimalNumber.TryParse(digits, 255, out var value))
            {
                return false;
            }

            address = (address << 8) | (uint)value;
        }

        return parts == 4;
    }
}
