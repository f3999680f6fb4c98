// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Memory;

namespace UdpTunnel.Packets;

/// <summary>
/// Room for the packets that one wake-up reads from the device. Each is read so that it can leave as a datagram without
/// being moved:
/// <code>
///  slot:  | room    | wire format's header      | packet …
///         |               | virtio header (10 B)  |
///                         ^ Target: where the kernel writes
/// </code>
/// The virtio header is read out before the wire format's header is written over it.
/// </summary>
internal sealed unsafe class PacketBatch : IDisposable
{
    /// <summary>Bytes that <see cref="Target"/> has room for: a virtio header and the largest IPv4 packet.</summary>
    public const int TargetSize = VirtioNetHeader.Size + 65535;

    /// <summary>Most bytes in front of a packet, see <see cref="ISealer.Headroom"/>.</summary>
    public const int MaxHeadroom = 64;

    /// <summary>Most bytes behind a packet, see <see cref="ISealer.Tailroom"/>.</summary>
    public const int MaxTailroom = 64;

    /// <summary>A packet from here on is a superpacket, after which the device is seldom found non-empty.</summary>
    public const int LargePacket = 32 * 1024;

    // One packet to wake up for and 64 more: the drain that docs/performance.md measures.
    private const int Capacity = 65;

    private const int SlotSize = (MaxHeadroom + 65535 + MaxTailroom + 63) & ~63;

    private readonly NativeBuffer _buffer = new((nuint)Capacity * SlotSize);
    private readonly int[] _lengths = new int[Capacity];

    /// <summary>Packets read.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there is no slot left.</summary>
    public bool IsFull => Count == Capacity;

    /// <summary>Where the kernel writes the virtio header and the packet.</summary>
    public byte* Target(int packet) => Packet(packet) - VirtioNetHeader.Size;

    /// <summary>
    /// First byte of a packet. In front of it are <see cref="MaxHeadroom"/> bytes for the wire format's header.
    /// </summary>
    public byte* Packet(int packet) => _buffer.Start + ((nint)packet * SlotSize) + MaxHeadroom;

    /// <summary>Bytes of a packet, without any header in front of it.</summary>
    public int Length(int packet) => _lengths[packet];

    /// <summary>Takes in what was read into the first free slot.</summary>
    /// <param name="length">Bytes read, virtio header included.</param>
    public void Accept(int length) => _lengths[Count++] = length - VirtioNetHeader.Size;

    /// <summary>Forgets all packets.</summary>
    public void Clear() => Count = 0;

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
