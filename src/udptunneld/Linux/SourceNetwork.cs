// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Linux;

/// <summary>
/// The networks that count as one stranger: somebody who has one address of them has many. Of IPv4 the address itself
/// and its /24, of IPv6 the /64 and the /48. Pure.
/// </summary>
/// <param name="Narrow">The address, or the /64.</param>
/// <param name="Wide">The /24, or the /48.</param>
internal readonly record struct SourceNetwork(ulong Narrow, ulong Wide)
{
    // Networks of IPv4 stand where IPv6 has its mapped addresses (RFC 4291, section 2.5.5.2).
    private const ulong Mapped = 0xFFFF_0000_0000;

    /// <summary>The networks of an address.</summary>
    public static SourceNetwork Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        plain.TryWriteBytes(bytes, out _);
        if (plain.AddressFamily == AddressFamily.InterNetwork)
        {
            var narrow = Mapped | BinaryPrimitives.ReadUInt32BigEndian(bytes);
            return new SourceNetwork(narrow, narrow & ~0xFFUL);
        }

        var network = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        return new SourceNetwork(network, network & ~0xFFFFUL);
    }

    /// <summary>The networks of a client.</summary>
    public static SourceNetwork Of(in Endpoint client)
    {
        var (high, low) = client.AddressBits;
        return high == 0 && low >> 32 == Mapped >> 32
            ? new SourceNetwork(low, low & ~0xFFUL)
            : new SourceNetwork(high, high & ~0xFFFFUL);
    }
}
