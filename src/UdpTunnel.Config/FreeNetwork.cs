// SPDX-License-Identifier: BSD-3-Clause

using System.Net;

namespace UdpTunnel.Config;

/// <summary>Finds private networks that nobody uses, by chance, so that two hosts seldom find the same. Pure.</summary>
public static class FreeNetwork
{
    private const int V4Length = 24;
    private const int V6Length = 64;
    private const int Tries = 256;

    // RFC 1918, the widest first: in it a collision with somebody else's choice is least likely.
    private static readonly IpPrefix[] Private =
    [
        IpPrefix.Of(IPAddress.Parse("10.0.0.0"), 8),
        IpPrefix.Of(IPAddress.Parse("172.16.0.0"), 12),
        IpPrefix.Of(IPAddress.Parse("192.168.0.0"), 16),
    ];

    /// <summary>A /24 of the private networks of IPv4.</summary>
    /// <param name="taken">Networks that this host reaches otherwise; default routes count for nothing.</param>
    /// <param name="random">Chance.</param>
    /// <returns>Null if none was found.</returns>
    public static IpPrefix? V4(IReadOnlyCollection<IpPrefix> taken, Random random)
    {
        ArgumentNullException.ThrowIfNull(taken);
        ArgumentNullException.ThrowIfNull(random);
        foreach (var range in Private)
        {
            for (var i = 0; i < Tries; i++)
            {
                var host = (ulong)random.NextInt64(1L << (32 - range.Length)) << 32;
                var network = IpPrefix.Of(isV6: false, range.High | host, 0, V4Length);
                if (IsFree(network, taken))
                {
                    return network;
                }
            }
        }

        return null;
    }

    /// <summary>A /64 of a unique local network of IPv6, whose 40 bits are random (RFC 4193, section 3.2).</summary>
    /// <param name="taken">Networks that this host reaches otherwise; default routes count for nothing.</param>
    /// <param name="random">Chance.</param>
    /// <returns>Null if none was found.</returns>
    public static IpPrefix? V6(IReadOnlyCollection<IpPrefix> taken, Random random)
    {
        ArgumentNullException.ThrowIfNull(taken);
        ArgumentNullException.ThrowIfNull(random);
        for (var i = 0; i < Tries; i++)
        {
            var global = (ulong)random.NextInt64(1L << 40);
            var network = IpPrefix.Of(isV6: true, (0xFDUL << 56) | (global << 16), 0, V6Length);
            if (IsFree(network, taken))
            {
                return network;
            }
        }

        return null;
    }

    private static bool IsFree(IpPrefix network, IReadOnlyCollection<IpPrefix> taken) =>
        !taken.Any(other => !other.IsDefault && (other.Contains(network) || network.Contains(other)));
}
