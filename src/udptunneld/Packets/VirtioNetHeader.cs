// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Packets;

/// <summary>
/// The kernel's <c>struct virtio_net_hdr</c>, in front of each packet of a TUN device with <c>IFF_VNET_HDR</c>.
/// Integers are in host order (no <c>TUNSETVNETLE</c>). The default value says: a plain packet with nothing left to do.
/// <code>
///  0       1          2          4          6            8             10
///  +-------+----------+----------+----------+------------+-------------+
///  | flags | gso_type | hdr_len  | gso_size | csum_start | csum_offset |
///  +-------+----------+----------+----------+------------+-------------+
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal readonly record struct VirtioNetHeader
{
    /// <summary>Length in bytes, as set by <c>TUNSETVNETHDRSZ</c>.</summary>
    public const int Size = 10;

    /// <summary>
    /// In <see cref="Flags"/>: the checksum field holds the folded sum of the pseudo-header, the rest is still to be
    /// added.
    /// </summary>
    public const byte NeedsChecksum = 1;

    /// <summary><see cref="GsoType"/> of a plain packet.</summary>
    public const byte None = 0;

    /// <summary><see cref="GsoType"/> of a TCP superpacket over IPv4.</summary>
    public const byte TcpV4 = 1;

    /// <summary><see cref="GsoType"/> of a TCP superpacket over IPv6.</summary>
    public const byte TcpV6 = 4;

    /// <summary>
    /// <see cref="GsoType"/> of a UDP superpacket, over either: each segment becomes a packet (not a fragment) of its
    /// own.
    /// </summary>
    public const byte UdpL4 = 5;

    /// <summary>
    /// Bit in <see cref="GsoType"/>, besides <see cref="TcpV4"/> and <see cref="TcpV6"/>: the CWR flag is set and is
    /// for the first packet only.
    /// </summary>
    public const byte Ecn = 0x80;

    /// <summary>What is left to do, see <see cref="NeedsChecksum"/>.</summary>
    public byte Flags { get; init; }

    /// <summary>How a superpacket is to be cut.</summary>
    public byte GsoType { get; init; }

    /// <summary>
    /// Length of the IP and transport headers together. A hint only: the kernel may give more or less than that.
    /// </summary>
    public ushort HeaderLength { get; init; }

    /// <summary>Bytes of payload in each packet of a superpacket, but maybe fewer in the last.</summary>
    public ushort GsoSize { get; init; }

    /// <summary>With <see cref="NeedsChecksum"/>: offset in the packet at which the checksummed bytes begin.</summary>
    public ushort ChecksumStart { get; init; }

    /// <summary>
    /// With <see cref="NeedsChecksum"/>: offset of the checksum field, from <see cref="ChecksumStart"/>.
    /// </summary>
    public ushort ChecksumOffset { get; init; }

    /// <summary>Reads the header at any address; <see cref="Size"/> bytes must be there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe VirtioNetHeader Read(byte* at) => Unsafe.ReadUnaligned<VirtioNetHeader>(at);

    /// <summary>Writes the header to any address; <see cref="Size"/> bytes must be there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Write(byte* at) => Unsafe.WriteUnaligned(at, this);
}
