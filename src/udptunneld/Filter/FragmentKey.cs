using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// What the fragments of one packet have in common: source, destination, protocol and identification (RFC 791, section
/// 3.2).
/// </summary>
internal readonly unsafe struct FragmentKey
{
    /// <summary>Both addresses, in the byte order of the wire: they are only compared.</summary>
    public readonly ulong Addresses;

    /// <summary>Identification and protocol, 24 bits. Never 0, because the protocol is not.</summary>
    public readonly uint IdAndProtocol;

    /// <summary>The key of a fragment. The caller has checked that the header is there.</summary>
    /// <param name="ip">First byte of the IPv4 header.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FragmentKey(byte* ip)
    {
        Addresses = Unsafe.ReadUnaligned<ulong>(ip + Ipv4Header.Source);
        IdAndProtocol = ((uint)NetworkOrder.ReadUInt16(ip + Ipv4Header.Id) << 8) | ip[Ipv4Header.Protocol];
    }
}
