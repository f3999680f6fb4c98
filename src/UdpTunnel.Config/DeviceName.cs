// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>
/// Rules for the name of a network device: the kernel's (<c>dev_valid_name</c> in net/core/dev.c: no '/', ':' or white
/// space, not "." or "..", shorter than IFNAMSIZ = 16) and, so that it can stand in firewall rules and metrics, ASCII
/// letters, digits, '_', '-' and '.' only.
/// </summary>
internal static class DeviceName
{
    /// <summary>Longest name, in bytes: IFNAMSIZ less the final NUL.</summary>
    public const int MaxLength = 15;

    public static bool TryValidate(string name, [NotNullWhen(false)] out string? error)
    {
        error = null;
        if (name.Contains('%', StringComparison.Ordinal))
        {
            // The kernel replaces %d by a number of its own, so that the device would not have the name that was asked
            // for.
            error = $"{Excerpt.Quote(name)} is a pattern, not a name (leave the field out to let the kernel choose)";
        }
        else if (name is "all" or "default")
        {
            // net/ipv4/devinet.c: /proc/sys/net/ipv4/conf has entries of these names already.
            error = $"{Excerpt.Quote(name)} is not the name of a device: the kernel reserves it";
        }
        else if (!IsValid(name))
        {
            error = $"{Excerpt.Quote(name)} is not the name of a device (1 to 15 letters, digits, '_', '-' or '.')";
        }

        return error is null;
    }

    /// <summary>Whether a text keeps the rules on length and characters.</summary>
    public static bool IsValid(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > MaxLength || name is "." or "..")
        {
            return false;
        }

        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
            {
                return false;
            }
        }

        return true;
    }
}
