// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Packets as the device hands them over, and a batch of them.</summary>
internal static unsafe class DevicePackets
{
    /// <summary>Puts a packet into a batch as a read from the device would.</summary>
    public static void Add(this PacketBatch batch, VirtioNetHeader header, byte[] packet)
    {
        var target = batch.Target(batch.Count);
        header.Write(target);
        packet.CopyTo(new Span<byte>(target + VirtioNetHeader.Size, packet.Length));
        batch.Accept(VirtioNetHeader.Size + packet.Length);
    }

    /// <summary>Puts a packet into a batch whose checksums are all there.</summary>
    public static void Add(this PacketBatch batch, byte[] packet) => batch.Add(default, packet);

    /// <summary>A packet whose transport checksum the kernel leaves to the device.</summary>
    public static (VirtioNetHeader Header, byte[] Packet) Unfinished(TestPacket packet) =>
        (packet.VirtioHeader(0) with { GsoType = VirtioNetHeader.None }, packet.BuildSuperpacket());
}
