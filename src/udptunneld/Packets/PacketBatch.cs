namespace UdpTunnel.Packets;

/// <summary>
/// Room for the packets that one wake-up reads from the device. Each is read so that it can leave as a datagram without being moved:
/// <code>
///  slot:  | wire format's header                | packet …
///         |        | virtio header (10 bytes)   |
///                  ^ Target: where the kernel writes
/// </code>
/// The virtio header is read out before the wire format's header is written over it.
/// </summary>
internal sealed unsafe class PacketBatch : IDisposable
{
    /// <summary>Bytes that <see cref="Target"/> has room for: a virtio header and the largest IPv4 packet.</summary>
    public const int TargetSize = VirtioNetHeader.Size + 65535;

    /// <summary>A packet from here on is a superpacket, after which the device is seldom found non-empty.</summary>
    public const int LargePacket = 32 * 1024;

    // One packet to wake up for and 64 more: the drain that docs/performance.md measures.
    private const int Capacity = 65;

    private readonly int _headerLength;
    private readonly nint _slotSize;
    private readonly NativeBuffer _buffer;
    private readonly int[] _lengths = new int[Capacity];

    /// <param name="headerLength">Bytes of the wire format's header.</param>
    public PacketBatch(int headerLength)
    {
        _headerLength = headerLength;
        _slotSize = (headerLength + 65535 + 63) & ~63;
        _buffer = new NativeBuffer((nuint)(Capacity * _slotSize));
    }

    /// <summary>Packets read.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there is no slot left.</summary>
    public bool IsFull => Count == Capacity;

    /// <summary>First byte of the datagram that a packet becomes.</summary>
    public byte* Datagram(int packet) => _buffer.Start + (packet * _slotSize);

    /// <summary>Where the kernel writes the virtio header and the packet.</summary>
    public byte* Target(int packet) => Datagram(packet) + _headerLength - VirtioNetHeader.Size;

    /// <summary>First byte of a packet.</summary>
    public byte* Packet(int packet) => Datagram(packet) + _headerLength;

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
