// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Soak;

/// <summary>
/// Whether the daemons hold no more in the end than in the beginning. Looked at in quiet moments, with as much running
/// as the first time: what is held then and grows is lost. Memory also goes up and down with the collections, so one
/// moment says little: the median of the last third of all moments is compared with that of the first.
/// </summary>
internal sealed class Flatness
{
    private const int DescriptorTolerance = 10;
    private const int ThreadTolerance = 10;

    // The C library keeps what each thread once needed, for a handshake for example, in steps until all threads have
    // met it.
    private const int KilobyteTolerance = 24 * 1024;

    private readonly List<Usage> _moments = [];

    /// <summary>One more quiet moment.</summary>
    public void Add(Usage usage) => _moments.Add(usage);

    /// <summary>What is not flat, a line each; empty if all is.</summary>
    public IReadOnlyList<string> Faults() =>
        [.. FaultsOf("server", u => u.Server), .. FaultsOf("receiver", u => u.Receiver)];

    private IEnumerable<string> FaultsOf(string name, Func<Usage, ProcessUsage> daemon)
    {
        (string What, Func<ProcessUsage, int> Value, int Tolerance)[] all =
        [
            ("descriptors", u => u.Descriptors, DescriptorTolerance),
            ("threads", u => u.Threads, ThreadTolerance),
            ("KiB", u => u.OwnKilobytes, KilobyteTolerance),
        ];
        var third = (_moments.Count + 2) / 3;
        foreach (var one in all)
        {
            var first = Median(_moments.Take(third).Select(u => one.Value(daemon(u))));
            var last = Median(_moments.TakeLast(third).Select(u => one.Value(daemon(u))));
            if (last > first + one.Tolerance)
            {
                yield return $"{name}: {first} {one.What} in the beginning, {last} in the end";
            }
        }
    }

    private static int Median(IEnumerable<int> values)
    {
        int[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
