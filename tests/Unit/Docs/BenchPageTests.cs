// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Docs;

/// <summary>
/// <c>tests/Bench/report</c> makes one page of what a run of the benchmark left, and fails if the run does not hold
/// what README promises. The results in the folder Bench are recorded ones.
/// </summary>
public sealed class BenchPageTests : IDisposable
{
    private const string Heading = "| what | link | measured | promised |";
    private const string Page = "index.md";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("udptunnel-bench-page-");

    public BenchPageTests()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "needs python3");
        var results = _directory.CreateSubdirectory("results").FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests/Unit/Docs/Bench")))
        {
            File.Copy(file, Path.Combine(results, Path.GetFileName(file)));
        }
    }

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_run_that_holds_what_README_promises_makes_a_page_with_its_pictures()
    {
        var (exitCode, said) = await ReportAsync("page", _directory.FullName);

        Assert.True(exitCode == 0, said);
        var page = Read(Page);
        Assert.Contains("All of it is held in this run.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("not held", page, StringComparison.Ordinal);
        foreach (var picture in new[] { "whole", "relays", "load-tunnels", "load-relays", "voip" })
        {
            Assert.Contains($"({picture}.svg)", page, StringComparison.Ordinal);
            Assert.StartsWith("<svg", Read($"{picture}.svg"), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("whole", "udptunnel tcp", "0.3", "one TCP stream")]
    [InlineData("whole", "udptunnel resident", "250", "resident")]
    [InlineData("cut", "udptunnel-secure tcp", "0.3", "one TCP stream")]
    [InlineData("relays", "tls lost", "7", "lost")]
    public async Task A_run_that_does_not_hold_a_promise_fails_and_the_page_says_which(
        string section,
        string result,
        string value,
        string named
    )
    {
        var file = Path.Combine(_directory.FullName, "results", $"{section}.results");
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Contains(lines, line => line.StartsWith($"{result} ", StringComparison.Ordinal));
        await File.WriteAllLinesAsync(
            file,
            lines.Select(line => line.StartsWith($"{result} ", StringComparison.Ordinal) ? $"{result} {value}" : line),
            TestContext.Current.CancellationToken
        );

        var (exitCode, said) = await ReportAsync("page", _directory.FullName);

        Assert.NotEqual(0, exitCode);
        Assert.Contains(named, said, StringComparison.Ordinal);
        Assert.Contains("**not held**", Read(Page), StringComparison.Ordinal);
        Assert.DoesNotContain("All of it is held", Read(Page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_lacks_what_a_promise_is_about_does_not_hold_it()
    {
        File.Delete(Path.Combine(_directory.FullName, "results", "relays.results"));

        var (exitCode, said) = await ReportAsync("page", _directory.FullName);

        Assert.NotEqual(0, exitCode);
        Assert.Contains("not measured", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task README_promises_only_what_can_be_checked()
    {
        var (exitCode, said) = await ReportAsync("promises");

        Assert.True(exitCode == 0, said);
    }

    [Theory]
    [InlineData("| classic tunnel | whole | one TCP stream | about as fast as VXLAN |")]
    [InlineData("| classic tunnel | whole | one TCP stream | at least 0.7 × IPsec |")]
    [InlineData("| classic tunnel | whole | one TCP stream | at least 7 MB |")]
    [InlineData("| classic tunnel | whole | thirty streams | at least 0.7 × VXLAN |")]
    [InlineData("| classic tunnel | slow | one TCP stream | at least 0.7 × VXLAN |")]
    [InlineData("| any tunnel | whole | one TCP stream | at least 0.7 × VXLAN |")]
    public async Task A_promise_that_cannot_be_checked_is_refused(string row)
    {
        var readme = Path.Combine(_directory.FullName, "README.md");
        await File.WriteAllTextAsync(readme, $"{Heading}\n|---|---|---|---|\n{row}\n", CancellationToken.None);

        var (exitCode, said) = await ReportAsync("promises", readme);

        Assert.NotEqual(0, exitCode);
        Assert.Contains(row, said, StringComparison.Ordinal);
    }

    private string Read(string file) => File.ReadAllText(Path.Combine(_directory.FullName, file));

    private static async Task<(int ExitCode, string Said)> ReportAsync(params string[] words)
    {
        var report = Path.Combine(Repository.Root, "tests/Bench/report");
        var start = new ProcessStartInfo("/usr/bin/python3", [report, .. words])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + errors);
    }
}
