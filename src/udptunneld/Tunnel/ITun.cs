using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The device, as the engine sees it: packets with a virtio header in front (<see cref="VirtioNetHeader"/>).
/// One thread reads, another one writes.
/// </summary>
internal unsafe interface ITun : IDisposable
{
    /// <summary>Name of the device.</summary>
    string Name { get; }

    /// <summary>Number of the device, unique in its network namespace.</summary>
    int Index { get; }

    /// <summary>The superpackets that are in use.</summary>
    TunOffloads Offloads { get; }

    /// <summary>Waits for a packet and takes what else is there.</summary>
    /// <param name="batch">Is cleared and filled.</param>
    /// <returns>The number of packets; 0 if the device is gone or was stopped.</returns>
    int Read(PacketBatch batch);

    /// <summary>Writes one packet or superpacket.</summary>
    /// <param name="slices">Its pieces, the virtio header first.</param>
    /// <param name="count">Number of pieces.</param>
    WriteStatus Write(Slice* slices, int count);

    /// <summary>Makes the device again after it was deleted; it has no address and is down. Only the reading thread calls this.</summary>
    void Recreate();

    /// <summary>Removes the device, which ends a waiting <see cref="Read"/>.</summary>
    void Stop();
}
