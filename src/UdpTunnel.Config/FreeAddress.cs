// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Config;

/// <summary>Finds addresses of a network that nobody has. Pure.</summary>
public static class FreeAddress
{
    /// <summary>The first host's address of a network that is in none of some others.</summary>
    /// <param name="network">The network.</param>
    /// <param name="taken">Networks and addresses that are somebody's; those that hold all of it count, too.</param>
    /// <returns>Null if all are taken.</returns>
    public static IPAddress? FirstOf(IpPrefix network, IEnumerable<IpPrefix> taken)
    {
        ArgumentNullException.ThrowIfNull(taken);
        var (first, last) = HostsOf(network);
        var candidate = first;
        var ranges = taken.Where(t => t.IsV6 == network.IsV6).Select(RangeOf).OrderBy(r => r.First);
        foreach (var range in ranges)
        {
            if (candidate < range.First || candidate > last)
            {
                break;
            }

            if (range.Last >= candidate)
            {
                if (range.Last == UInt128.MaxValue)
                {
                    return null;
                }

                candidate = range.Last + 1;
            }
        }

        return candidate <= last ? ToAddress(candidate, network.IsV6) : null;
    }

    /// <summary>Whether an address is a host's of a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="address">The address.</param>
    /// <returns>False also for the network's own and its broadcast address.</returns>
    public static bool IsHostOf(IpPrefix network, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var isV6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        var (first, last) = HostsOf(network);
        var number = ToNumber(address);
        return isV6 == network.IsV6 && number >= first && number <= last;
    }

    private static (UInt128 First, UInt128 Last) HostsOf(IpPrefix network)
    {
        // IPv4 networks have addresses of their own at both ends (RFC 1122, section 3.2.1.3; RFC 3021 for /31), IPv6
        // networks the one of all routers at the beginning (RFC 4291, section 2.6.1).
        var (first, last) = RangeOf(network);
        var hostBits = (network.IsV6 ? 128 : 32) - network.Length;
        return hostBits < 2 ? (first, last) : (first + 1, network.IsV6 ? last : last - 1);
    }

    private static (UInt128 First, UInt128 Last) RangeOf(IpPrefix network)
    {
        var first = ToNumber(network.Address);
        var hostBits = (network.IsV6 ? 128 : 32) - network.Length;
        return (first, hostBits == 128 ? UInt128.MaxValue : first + ((UInt128.One << hostBits) - 1));
    }

    private static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 16
            ? BinaryPrimitives.ReadUInt128BigEndian(bytes)
            : BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static IPAddress ToAddress(UInt128 number, bool isV6)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(isV6 ? bytes : bytes[12..]);
    }
}
