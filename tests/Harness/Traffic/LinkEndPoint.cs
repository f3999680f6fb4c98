// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>
/// A network device as the address of a packet socket (<c>sockaddr_ll</c>, packet(7)): what is sent to it passes no
/// routing.
/// </summary>
/// <param name="index">The device's number.</param>
internal sealed class LinkEndPoint(int index) : EndPoint
{
    private const int Size = 20;
    private const ushort EtherTypeOfIpv4 = 0x0800;

    /// <inheritdoc/>
    public override AddressFamily AddressFamily => AddressFamily.Packet;

    /// <inheritdoc/>
    public override SocketAddress Serialize()
    {
        var address = new SocketAddress(AddressFamily.Packet, Size);
        BinaryPrimitives.WriteUInt16BigEndian(address.Buffer.Span[2..], EtherTypeOfIpv4);
        BinaryPrimitives.WriteInt32LittleEndian(address.Buffer.Span[4..], index);
        return address;
    }
}
