// SPDX-License-Identifier: BSD-3-Clause

using static UdpTunnel.Linux.NetlinkSocket;

namespace UdpTunnel.Linux;

/// <summary>
/// Removes many devices at once. For each that goes by itself, as when its descriptor is closed, the kernel waits until
/// nobody looks at it any more, some 20 ms; for a group of them it waits once (rtnl_group_dellink in
/// net/core/rtnetlink.c).
/// </summary>
internal static class LinkGroup
{
    private const ushort RTM_DELLINK = 17;
    private const ushort IFLA_GROUP = 27;

    // Groups that people give devices have small numbers, group 0 is every device's that was given none.
    private const int LeastNumber = 1 << 24;

    /// <summary>
    /// Removes devices. One that is not there any more is passed over; if the kernel refuses, all are still there.
    /// </summary>
    /// <param name="links">Their numbers.</param>
    public static void Remove(IEnumerable<int> links)
    {
        var number = (uint)Random.Shared.Next(LeastNumber, int.MaxValue);
        var added = links.Where(link => TryAdd(link, number)).ToList();
        if (added.Count > 0)
        {
            Span<byte> buffer = stackalloc byte[BufferSize];
            var request = new NetlinkRequest(buffer, RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, Sequence);
            request.Append(default(RouteSocket.LinkMessage));
            request.Attribute(IFLA_GROUP, number);
            _ = Exchange(request.Bytes, buffer, out _);
        }
    }

    private static bool TryAdd(int link, uint number)
    {
        try
        {
            RouteSocket.SetLink(link, "group", (ref NetlinkRequest r) => r.Attribute(IFLA_GROUP, number));
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }
}
