namespace UdpTunnel.Packets;

/// <summary>
/// How a packet travels inside a datagram. The engine knows no more of a wire format than this.
/// </summary>
internal unsafe interface IWireFormat
{
    /// <summary>
    /// Bytes in front of the packet in each datagram. At least 10 (<see cref="VirtioNetHeader.Size"/>), because a packet is read from and
    /// written to the device with its virtio header on the last of these bytes.
    /// </summary>
    int HeaderLength { get; }

    /// <summary>Writes the header of a datagram whose packet already stands behind it.</summary>
    /// <param name="datagram">First byte of the datagram.</param>
    /// <param name="length">Length of the datagram, header included; equal to <see cref="HeaderLength"/> for a heartbeat.</param>
    void Seal(byte* datagram, int length);

    /// <summary>Checks a received datagram. Its packet is what follows the header; an empty one is a heartbeat.</summary>
    /// <param name="datagram">First byte of the datagram.</param>
    /// <param name="length">Length of the datagram.</param>
    /// <returns><see cref="DropReason.None"/> if it comes from the peer.</returns>
    DropReason Open(byte* datagram, int length);
}
