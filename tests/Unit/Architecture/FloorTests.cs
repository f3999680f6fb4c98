// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;
using UdpTunnel.Hosting;
using UdpTunnel.Tests.Docs;

namespace UdpTunnel.Tests.Architecture;

/// <summary>docs/architecture.md draws the folders of the daemon as floors: each uses only those below it.</summary>
public sealed partial class FloorTests
{
    private static readonly List<(string Folder, string[] Uses)> Floors = ReadFloors();

    [Fact]
    public void Each_folder_uses_only_floors_below_it()
    {
        for (var i = 0; i < Floors.Count; i++)
        {
            var below = Floors[(i + 1)..].Select(f => f.Folder);
            Assert.Empty(Floors[i].Uses.Except(below));
        }
    }

    [Fact]
    public void The_document_draws_the_graph_of_the_compiled_program()
    {
        var graph = FolderGraph.Of(typeof(DaemonOptions).Assembly);
        Assert.Equal(
            graph.Keys.Order(StringComparer.Ordinal),
            Floors.Select(f => f.Folder).Order(StringComparer.Ordinal)
        );
        var wrong = Floors.SelectMany(f =>
            graph[f.Folder]
                .Where(use => !f.Uses.Contains(use.Key))
                .Select(use => $"{f.Folder} -> {use.Key}, which is not drawn: {use.Value}")
                .Concat(
                    f.Uses.Except(graph[f.Folder].Keys).Select(u => $"{f.Folder} -> {u} is drawn, and nothing uses it")
                )
        );
        Assert.True(!wrong.Any(), string.Join("\n", wrong));
    }

    private static List<(string Folder, string[] Uses)> ReadFloors() =>
        [
            .. FloorLine()
                .Matches(Block().Match(Repository.Read("docs/architecture.md")).Value)
                .Select(m => (m.Groups[1].Value, m.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))),
        ];

    [GeneratedRegex("```floors\n.*?```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(\w+) +-> *(.*)$", RegexOptions.Multiline)]
    private static partial Regex FloorLine();
}
