// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Linux;

/// <summary>
/// The address of this host that a datagram came to, and from which its answer has to go: a client takes an answer only
/// from the address that it asked. As 16 bytes of an IPv6 address in network byte order, IPv4 in its mapped form.
/// </summary>
internal readonly record struct SourceAddress(ulong First, ulong Second)
{
    /// <summary>The first 12 bytes of a mapped address are these: 80 bits of 0, 16 bits of 1.</summary>
    private const ulong MappedPrefix = 0xFFFF_0000;

    /// <summary>Whether it is none: the kernel chooses.</summary>
    public bool IsNone => First == 0 && Second == 0;

    /// <summary>The last four bytes, as they lie in memory: the IPv4 address of a mapped one.</summary>
    public uint Last => (uint)(Second >> 32);

    /// <summary>Reads an IPv6 address.</summary>
    public static unsafe SourceAddress ReadV6(byte* address) =>
        new(Unsafe.ReadUnaligned<ulong>(address), Unsafe.ReadUnaligned<ulong>(address + sizeof(ulong)));

    /// <summary>Reads an IPv4 address.</summary>
    public static unsafe SourceAddress ReadV4(byte* address) =>
        new(0, MappedPrefix | ((ulong)Unsafe.ReadUnaligned<uint>(address) << 32));
}
