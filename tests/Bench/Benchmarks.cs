// SPDX-License-Identifier: BSD-3-Clause

using BenchmarkDotNet.Running;
using UdpTunnel.Bench.WireGuard;

namespace UdpTunnel.Bench;

/// <summary>
/// Benches of the pure pieces. Run all with <c>dotnet run -c Release --project tests/Bench -- --filter '*'</c>; what
/// the script <c>many-peers</c> needs begins with that word.
/// </summary>
internal static class Benchmarks
{
    private static void Main(string[] args)
    {
        if (args is ["peers", .. var words])
        {
            PeerCrowd.Run(words);
            return;
        }

        BenchmarkSwitcher.FromAssembly(typeof(Benchmarks).Assembly).Run(args);
    }
}
