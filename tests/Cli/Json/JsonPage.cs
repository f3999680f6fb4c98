// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;

namespace UdpTunnel.Tests.Cli.Json;

/// <summary>docs/json.md: sections with an example each, below a line that names the command line.</summary>
internal static partial class JsonPage
{
    /// <summary>The repository's docs, from wherever the tests were built to.</summary>
    public static readonly string Directory = Path.GetFullPath(
        Path.Combine(AppContext.BaseDirectory, "../../../../../docs")
    );

    private static readonly string File = Path.Combine(Directory, "json.md");

    /// <summary>The examples by their command lines.</summary>
    public static IReadOnlyDictionary<string, string> Examples() =>
        Example()
            .Matches(System.IO.File.ReadAllText(File))
            .ToDictionary(m => m.Groups["line"].Value, m => m.Groups["json"].Value.TrimEnd());

    /// <summary>Puts an example in the place of what stands there.</summary>
    public static void Replace(string line, string json) =>
        System.IO.File.WriteAllText(
            File,
            Example()
                .Replace(System.IO.File.ReadAllText(File), m =>
                    m.Groups["line"].Value == line ? $"`udptunnelctl {line} --json`\n\n```json\n{json}\n```" : m.Value
                )
        );

    [GeneratedRegex(
        @"`udptunnelctl (?<line>[^`\n]+) --json`[^\n]*\n\n```json\n(?<json>.*?)```",
        RegexOptions.Singleline
    )]
    private static partial Regex Example();
}
