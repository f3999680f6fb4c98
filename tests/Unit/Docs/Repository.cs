// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Docs;

/// <summary>The sources that the tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>The text of a file.</summary>
    /// <param name="path">From the root.</param>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "UdpTunnel.sln")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }
}
