// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Globalization;
using System.Text;

namespace UdpTunnel.Config;

/// <summary>
/// Names of hosts by RFC 1123, section 2.1: letters, digits and hyphens, labels of 1 to 63, 253 in all; and
/// underscores, which resolvers and the names of many machines have.
/// </summary>
internal static class DnsName
{
    private const int MaxLength = 253;
    private const int MaxLabelLength = 63;

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = false };
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>Whether a text may be a name. One dot at the end, which makes a name absolute, is allowed.</summary>
    public static bool IsValid(ReadOnlySpan<char> name)
    {
        name = WithoutFinalDot(name);
        if (name.Length is 0 or > MaxLength)
        {
            return false;
        }

        foreach (var range in name.Split('.'))
        {
            var label = name[range];
            if (
                label.Length is 0 or > MaxLabelLength
                || label[0] == '-'
                || label[^1] == '-'
                || !HasOnlyNameCharacters(label)
            )
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Whether the last label is a number, decimal or hexadecimal: then resolvers take the whole for an IPv4 address.
    /// </summary>
    public static bool EndsInNumber(ReadOnlySpan<char> name)
    {
        name = WithoutFinalDot(name);
        var last = name[(name.LastIndexOf('.') + 1)..];
        if (last.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return !last[2..].ContainsAnyExcept(HexDigits);
        }

        return !last.IsEmpty && !last.ContainsAnyExceptInRange('0', '9');
    }

    /// <summary>
    /// The form of a name that a resolver takes (RFC 5891): labels in other letters than ASCII's become
    /// <c>xn--…</c>.
    /// </summary>
    /// <returns>The name itself if it is in ASCII; null if it has no such form.</returns>
    public static string? ToAscii(string name)
    {
        if (Ascii.IsValid(name))
        {
            return name;
        }

        try
        {
            return Idn.GetAscii(name.Normalize(NormalizationForm.FormC).ToLowerInvariant());
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static bool HasOnlyNameCharacters(ReadOnlySpan<char> label)
    {
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
            {
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<char> WithoutFinalDot(ReadOnlySpan<char> name) =>
        name.EndsWith(".") ? name[..^1] : name;
}
