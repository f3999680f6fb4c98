// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;

namespace UdpTunnel.Packets;

/// <summary>
/// The wire format of dsnet/udptunnel: the MD5 of a shared word in front of each packet.
/// <code>
///  0                   16                                  n
///  +-------------------+-----------------------------------+
///  | MD5(PacketMagic)  | one IPv4 packet, or nothing       |     one UDP datagram
///  +-------------------+-----------------------------------+
/// </code>
/// The magic keeps strangers' stray datagrams out; it neither encrypts nor authenticates, and MD5 serves as a hash to
/// 16 bytes only.
/// </summary>
internal sealed unsafe class ClassicWireFormat : ISealer
{
    private readonly Vector128<byte> _magic;

    /// <param name="packetMagic">The shared word; also the empty one has a magic.</param>
    public ClassicWireFormat(string packetMagic)
    {
#pragma warning disable CA5351 // The predecessor's wire format; not used for security.
        _magic = Vector128.Create<byte>(MD5.HashData(Encoding.UTF8.GetBytes(packetMagic)));
#pragma warning restore CA5351
    }

    /// <inheritdoc/>
    public int Headroom => 16;

    /// <inheritdoc/>
    public int Tailroom => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Seal(byte* datagram, int packetLength)
    {
        _magic.Store(datagram);
        return 16 + packetLength;
    }

    /// <summary>
    /// Checks a received datagram. Its packet is what follows the header; an empty one is a heartbeat.
    /// </summary>
    /// <param name="datagram">First byte of the datagram.</param>
    /// <param name="length">Length of the datagram.</param>
    /// <returns><see cref="DropReason.None"/> if it comes from the peer.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason Open(byte* datagram, int length) =>
        length >= 16 && Vector128.Load(datagram) == _magic ? DropReason.None : DropReason.Magic;
}
