// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using BenchmarkDotNet.Attributes;
using UdpTunnel.Config;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Bench.WireGuard;

/// <summary>
/// What it costs to find the peer of an address, by the number of prefixes, with addresses in no order.
/// </summary>
[MemoryDiagnoser]
public class AllowedIpsBench
{
    private const int Batch = 4096;

    private AllowedIps<object> _table = null!;
    private uint[] _v4 = null!;
    private (ulong High, ulong Low)[] _v6 = null!;

    /// <summary>Of each family.</summary>
    [Params(1, 100, 10_000)]
    public int Prefixes { get; set; }

    /// <summary>Whether all are networks, or three of four a single address, as a hub has them.</summary>
    [Params(false, true)]
    public bool OnlyNetworks { get; set; }

    /// <summary>Prefixes close together and some within others, and addresses that are in them.</summary>
    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(1);
        _table = new AllowedIps<object>();
        var v4 = new List<IpPrefix>();
        var v6 = new List<IpPrefix>();
        while (v4.Count < Prefixes)
        {
            byte[] address = [10, (byte)random.Next(64), (byte)random.Next(256), (byte)random.Next(256)];
            var isNetwork = OnlyNetworks || random.Next(4) == 0;
            v4.Add(IpPrefix.Of(new IPAddress(address), isNetwork ? random.Next(16, 32) : 32));
            byte[] prefix = [0xFD, 1, 2, 3, 4, 5, 0, (byte)random.Next(16), 0, 0, 0, 0, 0, 0, 0, 0];
            random.NextBytes(prefix.AsSpan(random.Next(2) == 0 ? 8 : 14));
            v6.Add(IpPrefix.Of(new IPAddress(prefix), isNetwork ? random.Next(64, 128) : 128));
        }

        foreach (var prefix in v4.Concat(v6))
        {
            _table.Set(prefix, new object());
        }

        _v4 = [.. Enumerable.Range(0, Batch).Select(_ => (uint)(v4[random.Next(Prefixes)].High >> 32))];
        _v6 = [.. Enumerable.Range(0, Batch).Select(_ => v6[random.Next(Prefixes)]).Select(p => (p.High, p.Low))];
    }

    /// <summary>IPv4.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int V4()
    {
        int found = 0;
        foreach (uint address in _v4)
        {
            found += _table.FindV4(address) != null ? 1 : 0;
        }

        return found == Batch ? found : throw new InvalidOperationException("not found");
    }

    /// <summary>IPv6.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int V6()
    {
        int found = 0;
        foreach (var (high, low) in _v6)
        {
            found += _table.FindV6(high, low) != null ? 1 : 0;
        }

        return found == Batch ? found : throw new InvalidOperationException("not found");
    }
}
