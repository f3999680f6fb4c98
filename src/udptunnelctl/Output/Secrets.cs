// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// Takes out of a text what may be a secret: values of fields that hold one, in JSON and in wg-quick's form, and tokens
/// of invitations. The daemon gives none of it; this is for a daemon of another version, and for what other programs
/// write.
/// </summary>
internal static partial class Secrets
{
    private const string Hidden = "(hidden)";

    /// <summary>The text without them.</summary>
    public static string TakeOut(string text) =>
        Token().Replace(Field().Replace(text, match => $"{match.Groups["name"].Value}{Hidden}"), $"utj1_{Hidden}");

    // The value is a JSON string, or all up to a space, a comma or the end of the line.
    [GeneratedRegex(
        """(?<name>\b(?:private|preshared)[ _-]?key"?\s*[:=]\s*|\bpacket[ _-]?magic"?\s*[:=]\s*|\bpsk"?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"|[^\s,}\]"]+)""",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex Field();

    [GeneratedRegex("utj[0-9]+_[A-Za-z0-9_=-]+", RegexOptions.CultureInvariant)]
    private static partial Regex Token();
}
