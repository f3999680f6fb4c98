// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>What a terminal can show, as far as its name (TERM) and the locale tell.</summary>
/// <param name="CursorAddressing">A view may be drawn over itself.</param>
/// <param name="Colour">It knows the colours of ECMA-48.</param>
/// <param name="Blocks">It draws the block elements of Unicode (U+2581 to U+2588) in one column each.</param>
internal sealed record TerminalAbilities(bool CursorAddressing, bool Colour, bool Blocks)
{
    /// <summary>
    /// Every terminal but a dumb one addresses its cursor by the sequences of ECMA-48, which are those of the VT100. A
    /// VT100 or VT220, as serial lines have, has no colours. The Linux console's fonts lack most block elements.
    /// </summary>
    /// <param name="environment">Environment variables.</param>
    public static TerminalAbilities Of(Func<string, string?> environment)
    {
        var name = environment("TERM") ?? "";
        return new TerminalAbilities(
            CursorAddressing: name is not ("" or "dumb" or "unknown"),
            Colour: !name.StartsWith("vt", StringComparison.Ordinal),
            Blocks: name is not "linux" && IsUnicode(environment)
        );
    }

    /// <summary>The locale's character set, by the rules of setlocale(3).</summary>
    private static bool IsUnicode(Func<string, string?> environment)
    {
        foreach (var variable in new[] { "LC_ALL", "LC_CTYPE", "LANG" })
        {
            if (environment(variable) is { Length: > 0 } locale)
            {
                return locale.Contains("UTF-8", StringComparison.OrdinalIgnoreCase)
                    || locale.Contains("UTF8", StringComparison.OrdinalIgnoreCase);
            }
        }

        return false;
    }
}
