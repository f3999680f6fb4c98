// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>Calls with bytes instead of a view of them.</summary>
internal static unsafe class ViewCalls
{
    public static DropReason Plan(
        this Segmenter segmenter,
        byte* packet,
        int length,
        in VirtioNetHeader header,
        int mtu,
        out CutPlan plan
    ) => segmenter.Plan(PacketView.Parse(packet, length), header, Math.Min(mtu, segmenter.MaxPacket), out plan);

    public static bool Add(this Coalescer coalescer, byte* packet, int length) =>
        coalescer.Add(PacketView.Parse(packet, length));
}
