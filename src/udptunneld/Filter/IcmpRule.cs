// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>Which packets a tunnel carries.</summary>
internal enum IpVersions
{
    /// <summary>IPv4 only; the classic protocol's.</summary>
    V4,

    /// <summary>IPv4 and IPv6.</summary>
    Both,
}

/// <summary>
/// Which ICMP messages pass: echo and errors, without which neither ping nor path MTU discovery works (RFC 1122, 3.2.2;
/// RFC 4890, 4.3).
/// </summary>
internal static unsafe class IcmpRule
{
    /// <summary>The verdict on a message that is there as a whole.</summary>
    public static DropReason Check(in PacketView packet)
    {
        byte type = *packet.Transport;
        return packet.IsV6
            ? type switch
            {
                1 or 2 or 3 or 4 => DropReason.None, // unreachable, too big, time exceeded, parameter problem
                128 or 129 => DropReason.None, // echo, echo reply

                // Multicast listeners (130 to 132, 143), solicitations and advertisements of routers and neighbours,
                // redirects (133 to 137): each IPv6 host sends them on every device, and a tunnel has neither
                // neighbours to find nor routers to believe.
                (>= 130 and <= 137) or 143 => DropReason.LinkControl,
                _ => DropReason.IcmpType,
            }
            : type switch
            {
                0 or 8 => DropReason.None, // echo reply, echo
                3 => DropReason.None, // destination unreachable, with it 'fragmentation needed'
                4 or 5 => DropReason.None, // source quench, redirect
                11 or 12 => DropReason.None, // time exceeded, parameter problem
                _ => DropReason.IcmpType,
            };
    }
}
