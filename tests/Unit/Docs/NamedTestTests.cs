// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;

namespace UdpTunnel.Tests.Docs;

/// <summary>The documents that name a test for what they promise name tests that are there.</summary>
public sealed partial class NamedTestTests
{
    [Theory]
    [InlineData("SECURITY.md")]
    [InlineData("docs/reliability.md")]
    public void Every_test_that_is_named_is_there(string document)
    {
        var sources = Directory
            .EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal))
            .ToLookup(path => Path.GetFileNameWithoutExtension(path), File.ReadAllText);
        var text = Repository.Read(document);
        var missing = NamedTest()
            .Matches(text)
            .Where(match =>
                !sources[match.Groups["class"].Value]
                    .Any(source => source.Contains(match.Groups["method"].Value, StringComparison.Ordinal))
            )
            .Select(match => match.Value);

        Assert.Empty(missing);
    }

    /// <summary>A class, and a method or its beginning, which an ellipsis cuts off.</summary>
    [GeneratedRegex(@"(?<class>[A-Z]\w*Tests)(\.(?<method>[A-Z]\w*))?")]
    private static partial Regex NamedTest();
}
