// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Fuzz.Driver;
using UdpTunnel.Tests.Fuzz.Targets;

namespace UdpTunnel.Tests.Fuzz;

/// <summary>
/// The corpus of each target, and for a moment what becomes of it by chance. `make fuzz` searches on.
/// </summary>
public sealed class FuzzTests
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(2);

    public static TheoryData<string> Targets => [.. AllTargets.Names];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_input_of_the_corpus_keeps_what_the_target_promises(string name)
    {
        using var target = Make(name);
        var corpus = Corpus.Load(Corpus.Committed(name));
        Assert.NotEmpty(corpus);
        foreach (var input in corpus)
        {
            Try(target, input, "of the corpus");
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void So_does_what_becomes_of_the_corpus_by_chance(string name)
    {
        using var target = Make(name);
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var mutator = new Mutator(random, target.Words);
        var corpus = Corpus.Load(Corpus.Committed(name));
        var tried = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Moment; tried++)
        {
            Try(
                target,
                mutator.Mutate(corpus[random.Next(corpus.Count)], corpus[random.Next(corpus.Count)]),
                $"of seed {seed}"
            );
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} inputs of seed {seed}");
    }

    private static IFuzzTarget Make(string name) => AllTargets.Make().Single(target => target.Name == name);

    private static void Try(IFuzzTarget target, byte[] input, string origin)
    {
        try
        {
            target.Try(input);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"input {Convert.ToHexString(input)} {origin}", e);
        }
    }
}
