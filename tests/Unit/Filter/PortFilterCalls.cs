// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>Calls of the filter in words that tests read well in.</summary>
internal static class PortFilterCalls
{
    public static unsafe DropReason Check(this PortFilter filter, Direction direction, byte[] packet, uint now)
    {
        fixed (byte* start = packet)
        {
            return filter.Check(direction, start, packet.Length, now);
        }
    }

    public static unsafe DropReason Check(
        this PortFilter filter,
        Direction direction,
        byte* packet,
        int length,
        uint now
    ) => filter.Check(direction, PacketView.Parse(packet, length), now);

    public static DropReason Out(this PortFilter filter, FilterPacket packet, uint now = 1000) =>
        filter.Check(Direction.Out, packet.Build(), now);

    public static DropReason In(this PortFilter filter, FilterPacket packet, uint now = 1000) =>
        filter.Check(Direction.In, packet.Build(), now);

    public static PortSet Ports(params ushort[] ports) =>
        PortSet.Create([.. ports.Select(port => new PortRange(port))]);
}
