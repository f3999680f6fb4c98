// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.IO.MemoryMappedFiles;

namespace UdpTunnel.Tests.Fuzz.Driver;

/// <summary>
/// The search for inputs that break a target. What was found is kept in a directory, where the next search goes on.
/// </summary>
internal sealed class Search : IDisposable
{
    private const int MaxInput = 1 << 20;

    // A target that needs longer for 16 KiB does too much for them.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    private readonly IFuzzTarget _target;
    private readonly Random _random;
    private readonly Mutator _mutator;
    private readonly Coverage _coverage = new();
    private readonly string _found;
    private readonly string _failures;
    private readonly MemoryMappedFile _runningFile;
    private readonly MemoryMappedViewAccessor _running;
    private readonly List<byte[]> _inputs = [];
    private readonly HashSet<string> _told = [];

    /// <param name="target">What is tried.</param>
    /// <param name="directory">Where findings go.</param>
    /// <param name="random">Chance.</param>
    public Search(IFuzzTarget target, string directory, Random random)
    {
        _target = target;
        _random = random;
        _mutator = new Mutator(random, target.Words);
        _found = Path.Combine(directory, "corpus", target.Name);
        _failures = Path.Combine(directory, "failures", target.Name);

        // What is being tried survives a fault that ends the program: 4 bytes of length, then the input.
        Directory.CreateDirectory(directory);
        _runningFile = MemoryMappedFile.CreateFromFile(
            Path.Combine(directory, $"{target.Name}.running"),
            FileMode.Create,
            mapName: null,
            MaxInput + sizeof(int)
        );
        _running = _runningFile.CreateViewAccessor();
        foreach (
            var input in Corpus
                .Load(Corpus.Committed(target.Name))
                .Concat(Corpus.Load(_found))
                .Concat(target.Seeds(random))
        )
        {
            Try(input);
        }
    }

    /// <summary>Name of the target.</summary>
    public string Name => _target.Name;

    /// <summary>Inputs tried.</summary>
    public long Tried { get; private set; }

    /// <summary>Inputs that led somewhere new.</summary>
    public int Inputs => _inputs.Count;

    /// <summary>Branches that were taken.</summary>
    public int Branches => _coverage.Branches;

    /// <summary>Different failures.</summary>
    public int Failures => _told.Count;

    /// <summary>Searches for a while.</summary>
    public void Run(TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            Try(_mutator.Mutate(_inputs[_random.Next(_inputs.Count)], _inputs[_random.Next(_inputs.Count)]));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _running.Dispose();
        _runningFile.Dispose();
        _target.Dispose();
    }

    private void Try(byte[] input)
    {
        _running.Write(0, input.Length);
        _running.WriteArray(sizeof(int), input, 0, input.Length);
        Coverage.Clear();
        try
        {
            var took = Time(input);

            // A machine that is busy makes any input slow, once.
            for (var i = 0; i < 2 && took > MaxTime; i++)
            {
                took = Time(input);
            }

            if (took > MaxTime)
            {
                Report($"took {took.TotalSeconds:0.0} s", input);
            }
        }
#pragma warning disable CA1031 // Whatever it throws is what is searched for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // One failure has one place, but as many inputs as one has patience.
            var frames = e.ToString()
                .Split('\n')
                .Where(line => line.Contains("   at UdpTunnel", StringComparison.Ordinal));
            Report($"{e.GetType().Name} {frames.FirstOrDefault()}\n{e}", input);
        }

        Tried++;
        if (_coverage.TakeNew() || Tried == 1)
        {
            _inputs.Add(input);
            Corpus.Save(_found, input);
        }
    }

    private TimeSpan Time(byte[] input)
    {
        var start = Stopwatch.GetTimestamp();
        _target.Try(input);
        return Stopwatch.GetElapsedTime(start);
    }

    private void Report(string failure, byte[] input)
    {
        if (_told.Add(failure.Split('\n')[0]))
        {
            Console.WriteLine($"{Name}: {Corpus.Save(_failures, input)}\n{failure}\n");
        }
    }
}
