// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>Where the programs under test are.</summary>
internal static class Programs
{
    /// <summary>Directory of the two programs, instead of out/bin of the repository.</summary>
    private const string DirectoryVariable = "UDPTUNNEL_BIN";

    /// <summary>Path of the original Go program, for interoperation.</summary>
    private const string PredecessorVariable = "UDPTUNNEL_DSNET";

    private static readonly Lazy<string> Directory = new(FindDirectory);

    /// <summary>The daemon.</summary>
    public static string Daemon => Find("udptunneld");

    /// <summary>The command.</summary>
    public static string Control => Find("udptunnelctl");

    /// <summary>Whether they are compiled ahead of time, as users get them.</summary>
    public static bool AreNative => !File.Exists(Daemon + ".dll");

    /// <summary>The predecessor, or null if this machine has none.</summary>
    public static string? Predecessor =>
        Environment.GetEnvironmentVariable(PredecessorVariable) is { Length: > 0 } path ? path : null;

    private static string Find(string name)
    {
        var path = Path.Combine(Directory.Value, name);
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"{path} is missing: run `make build`, or set {DirectoryVariable}");
    }

    private static string FindDirectory()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } given)
        {
            return given;
        }

        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "UdpTunnel.sln")))
            {
                return Path.Combine(at.FullName, "out", "bin");
            }
        }

        throw new DirectoryNotFoundException(
            $"{AppContext.BaseDirectory} is in no repository: set {DirectoryVariable}"
        );
    }
}
