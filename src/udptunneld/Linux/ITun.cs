// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Linux;

/// <summary>
/// The device, as the engine sees it: packets with a virtio header in front (<see cref="VirtioNetHeader"/>).
/// One thread reads and writes.
/// </summary>
internal unsafe interface ITun : IDisposable
{
    /// <summary>Name of the device.</summary>
    string Name { get; }

    /// <summary>Number of the device, unique in its network namespace.</summary>
    int Index { get; }

    /// <summary>The superpackets that are in use.</summary>
    TunOffloads Offloads { get; }

    /// <summary>Readable while there are packets, and when the device is gone.</summary>
    int Descriptor { get; }

    /// <summary>Takes the packets that are there, without waiting.</summary>
    /// <param name="batch">Is cleared and filled.</param>
    /// <returns>False if the device is gone or fails: somebody has to <see cref="Recreate"/> it.</returns>
    bool Read(PacketBatch batch);

    /// <summary>Writes one packet or superpacket.</summary>
    /// <param name="slices">Its pieces, the virtio header first.</param>
    /// <param name="count">Number of pieces.</param>
    WriteStatus Write(Slice* slices, int count);

    /// <summary>
    /// Makes the device again if it was deleted; then it has no address and is down. The descriptor keeps its number.
    /// Nobody may read meanwhile. May be called again when this or the configuring of the device failed.
    /// </summary>
    /// <exception cref="Linux.LinuxException">The kernel refuses, or does not answer.</exception>
    void Recreate();
}

/// <summary>Which superpackets a TUN device hands over and takes.</summary>
[Flags]
internal enum TunOffloads
{
    /// <summary>None: every packet is at most the MTU.</summary>
    None = 0,

    /// <summary>TCP superpackets (TSO).</summary>
    Tcp = 1,

    /// <summary>UDP superpackets (USO).</summary>
    Udp = 2,
}

/// <summary>What became of a group that was written to the device.</summary>
internal enum WriteStatus
{
    /// <summary>The device took it.</summary>
    Written,

    /// <summary>The device refuses groups of this kind (EINVAL); its packets one by one may be taken.</summary>
    Refused,

    /// <summary>The device is down or gone.</summary>
    DeviceFailed,
}
