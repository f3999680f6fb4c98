// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using UdpTunnel.Tests.Fuzz.Targets;

namespace UdpTunnel.Tests.Fuzz.Driver;

/// <summary>
/// The commands that `make fuzz` runs:
/// <code>
///  Fuzz instrument                  lets the programs beside this one count branches
///  Fuzz fuzz DIRECTORY MINUTES [TARGET...]   searches, all targets in turn, and keeps what it finds in DIRECTORY
///  Fuzz replay TARGET FILE...       tries inputs, each to its end
/// </code>
/// </summary>
internal static class FuzzCommand
{
    private static readonly string[] Instrumented = ["udptunneld.dll", "UdpTunnel.Config.dll"];
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(10);

    /// <summary>Runs one of them.</summary>
    /// <returns>The exit code: 0, 1 if something failed; null if it is none of them.</returns>
    public static int? Run(string[] arguments)
    {
        Coverage.Attach();
        switch (arguments)
        {
            case ["instrument"]:
                Instrument();
                return 0;
            case ["fuzz", var directory, var minutes, .. var targets]:
                return Fuzz(
                    directory,
                    TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)),
                    targets
                );
            case ["replay", var name, .. var files]:
                using (var target = AllTargets.Make().Single(t => t.Name == name))
                {
                    foreach (var file in files)
                    {
                        target.Try(File.ReadAllBytes(file));
                        Console.WriteLine($"{file}: holds");
                    }
                }

                return 0;
            default:
                return null;
        }
    }

    /// <remarks>Of our code only: what the runtime's libraries branch on is no state of ours.</remarks>
    private static void Instrument()
    {
        foreach (var name in Instrumented)
        {
            var types = SharpFuzz.Fuzzer.Instrument(
                Path.Combine(AppContext.BaseDirectory, name),
                _ => true,
                SharpFuzz.Options.Value
            );
            Console.WriteLine($"{name}: {types.Count()} types");
        }
    }

    private static int Fuzz(string directory, TimeSpan time, string[] names)
    {
        var seed = Random.Shared.Next();
        Console.WriteLine($"seed {seed}, {time.TotalMinutes} minutes");
        var clock = Stopwatch.StartNew();
        var targets = AllTargets.Make().Where(target => names.Length == 0 || names.Contains(target.Name)).ToList();
        var searches = targets.ConvertAll(target => new Search(target, directory, new Random(seed)));
        while (clock.Elapsed < time)
        {
            foreach (var search in searches)
            {
                search.Run(Turn < time / searches.Count ? Turn : time / searches.Count);
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{clock.Elapsed:hh\\:mm\\:ss} {search.Name.PadRight(16)} {search.Tried.ToString("N0").PadLeft(12)} tried, {search.Branches.ToString("N0").PadLeft(6)} branches, {search.Inputs.ToString("N0").PadLeft(6)} inputs, {search.Failures} failures"
                    )
                );
            }
        }

        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{searches.Sum(s => s.Tried):N0} inputs tried in {clock.Elapsed.TotalMinutes:0} minutes, {searches.Sum(s => s.Failures)} failures"
            )
        );
        var failures = searches.Sum(s => s.Failures);
        searches.ForEach(s => s.Dispose());
        return failures == 0 ? 0 : 1;
    }
}
