// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>Makes datagrams of packets: all that cutting superpackets needs to know of a transport.</summary>
internal unsafe interface ISealer
{
    /// <summary>
    /// Bytes in front of the packet in each datagram. At least 10 (<see cref="VirtioNetHeader.Size"/>), because a
    /// packet is read from and written to the device with its virtio header on the last of these bytes; at most
    /// <see cref="PacketBatch.MaxHeadroom"/>.
    /// </summary>
    int Headroom { get; }

    /// <summary>
    /// Most bytes behind the packet, at most <see cref="PacketBatch.MaxTailroom"/>. 0 also says that sealing neither
    /// reads nor changes the packet, so that the payload of a cut superpacket can stay where it is.
    /// </summary>
    int Tailroom { get; }

    /// <summary>Makes a datagram.</summary>
    /// <param name="datagram">
    /// Room for all of it; the packet stands at <see cref="Headroom"/> (only its headers, if there is no tail).
    /// </param>
    /// <param name="packetLength">Length of the packet.</param>
    /// <returns>Length of the datagram; 0 if it cannot be made.</returns>
    int Seal(byte* datagram, int packetLength);
}
