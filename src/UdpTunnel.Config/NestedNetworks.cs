// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>Finds networks that are inside others'.</summary>
public static class NestedNetworks
{
    /// <summary>
    /// The networks that are inside another one or the same, each with the innermost around it. Sorted, those around a
    /// network are the ones before it that contain it, the innermost last.
    /// </summary>
    /// <typeparam name="T">What stands for a network.</typeparam>
    /// <param name="items">Of two equal networks the one that comes first is around the other.</param>
    /// <param name="networkOf">The network of one.</param>
    /// <returns>Pairs in the order of the networks.</returns>
    public static IEnumerable<(T Inner, T Outer)> Find<T>(IEnumerable<T> items, Func<T, IpPrefix> networkOf)
    {
        var sorted = items
            .Select(item => (Item: item, Network: networkOf(item)))
            .OrderBy(n => n.Network.IsV6)
            .ThenBy(n => n.Network.High)
            .ThenBy(n => n.Network.Low)
            .ThenBy(n => n.Network.Length);
        var around = new Stack<(T Item, IpPrefix Network)>();
        foreach (var (item, network) in sorted)
        {
            while (around.TryPeek(out var top) && !top.Network.Contains(network))
            {
                around.Pop();
            }

            if (around.TryPeek(out var outer))
            {
                yield return (item, outer.Item);
            }

            around.Push((item, network));
        }
    }
}
