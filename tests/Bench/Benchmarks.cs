using BenchmarkDotNet.Running;

namespace UdpTunnel.Bench;

/// <summary>
/// Benches of the pure pieces. Run all with <c>dotnet run -c Release --project tests/Bench -- --filter '*'</c>.
/// </summary>
internal static class Benchmarks
{
    private static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(Benchmarks).Assembly).Run(args);
}
