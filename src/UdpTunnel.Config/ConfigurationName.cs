// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>
/// Rules for the name of a tunnel or relay. It becomes part of file names, firewall tables and log lines, hence nothing
/// that any of them could take for more than a name.
/// </summary>
public static class ConfigurationName
{
    /// <summary>Longest name, in characters.</summary>
    public const int MaxLength = 64;

    /// <summary>
    /// Whether a text may be a name: 1 to 64 ASCII letters, digits, '.', '_' and '-', a letter or digit first.
    /// </summary>
    /// <param name="name">The text.</param>
    /// <param name="error">What was read and what is allowed, if it may not.</param>
    /// <returns>True if it may.</returns>
    public static bool TryValidate(string name, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(name);
        error = IsValid(name)
            ? null
            : $"{Excerpt.Quote(name)} is not a name (1 to 64 of A-Z a-z 0-9 . _ -; a letter or digit first)";
        return error is null;
    }

    /// <summary>
    /// The name that a file gives to what it describes: its own, without directories and without <c>.json</c> or
    /// <c>.conf</c>.
    /// </summary>
    /// <param name="path">Path of a file; it is not opened.</param>
    /// <returns>The name, which may break the rules.</returns>
    public static string FromFileName(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = path[(path.LastIndexOf('/') + 1)..];
        return
            file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            || file.EndsWith(".conf", StringComparison.OrdinalIgnoreCase)
            ? file[..^5]
            : file;
    }

    /// <summary>Whether a directory's file is meant as a configuration, by its ending.</summary>
    /// <param name="path">Path of a file; it is not opened.</param>
    /// <returns>True for <c>.json</c> and <c>.conf</c>.</returns>
    public static bool IsOfConfiguration(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.EndsWith(".json", StringComparison.Ordinal) || path.EndsWith(".conf", StringComparison.Ordinal);
    }

    private static bool IsValid(string name)
    {
        if (name.Length is 0 or > MaxLength || !char.IsAsciiLetterOrDigit(name[0]))
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
