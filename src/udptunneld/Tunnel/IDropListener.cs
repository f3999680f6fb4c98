// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Is shown each packet that a tunnel drops, on the tunnel's worker, in the middle of a batch: it must neither wait nor
/// keep the bytes.
/// </summary>
internal interface IDropListener
{
    /// <summary>A packet or datagram was dropped.</summary>
    /// <param name="direction">Where it went.</param>
    /// <param name="reason">Why.</param>
    /// <param name="peer">Whose it is; null if that is not known.</param>
    /// <param name="bytes">
    /// The packet, as far as it is at hand: at least the headers of one that was cut from a
    /// superpacket; the datagram if it could not be opened; nothing of what the socket refused in sealed form.
    /// </param>
    /// <param name="length">Length of the whole packet or datagram.</param>
    void OnDrop(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length);
}

/// <summary>Is shown each packet that passes a tunnel's filter, under the same conditions.</summary>
internal interface IPassListener
{
    /// <summary>A packet passed, or a superpacket that is cut later.</summary>
    /// <param name="direction">Where it goes.</param>
    /// <param name="peer">Who it goes to, or comes from.</param>
    /// <param name="packet">The packet; its checksum may still be left to us.</param>
    void OnPass(Direction direction, Peer peer, ReadOnlySpan<byte> packet);
}
