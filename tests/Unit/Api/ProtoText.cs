// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api;

/// <summary>The protos as they are written: their comments promise things, too.</summary>
internal static class ProtoText
{
    /// <summary>The lines of a proto.</summary>
    /// <param name="name">As an import names it.</param>
    public static string[] Read(string name)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "UdpTunnel.sln")))
        {
            directory = directory.Parent;
        }

        Assert.NotNull(directory);
        return File.ReadAllLines(Path.Combine(directory.FullName, "protos", name));
    }
}
