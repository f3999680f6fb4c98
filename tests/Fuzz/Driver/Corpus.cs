// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;

namespace UdpTunnel.Tests.Fuzz.Driver;

/// <summary>Inputs of one target as files, each named by what it holds.</summary>
internal static class Corpus
{
    /// <summary>The committed ones.</summary>
    public static string Committed(string target) => Path.Combine(AppContext.BaseDirectory, "Corpus", target);

    /// <summary>All inputs of a directory; none if it is not there.</summary>
    public static IReadOnlyList<byte[]> Load(string directory) =>
        Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)]
            : [];

    /// <summary>Stores an input.</summary>
    /// <returns>The file.</returns>
    public static string Save(string directory, ReadOnlySpan<byte> input)
    {
        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, Convert.ToHexStringLower(SHA256.HashData(input))[..16]);
        File.WriteAllBytes(path, input.ToArray());
        return path;
    }
}
