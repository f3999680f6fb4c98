// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// The inner addresses, one of each family, that packets last came from which were dropped for it. For the worker, but
/// for <see cref="Addresses"/>.
/// </summary>
internal sealed unsafe class NotedSources
{
    // A peer that changes its address with every packet shall not cost memory with every packet.
    private const int MostNoted = 8;

    private IPAddress? _v4;
    private IPAddress? _v6;
    private UInt128 _last;
    private int _noted;

    /// <summary>The addresses. For any thread.</summary>
    public IReadOnlyList<IPAddress> Addresses =>
        [.. new[] { Volatile.Read(ref _v4), Volatile.Read(ref _v6) }.OfType<IPAddress>()];

    /// <summary>Notes where a packet came from.</summary>
    /// <param name="packet">Its IP header, of which the addresses are there.</param>
    public void Note(byte* packet)
    {
        var isV6 = packet[0] >> 4 == 6;
        var bytes = isV6 ? new ReadOnlySpan<byte>(packet + 8, 16) : new ReadOnlySpan<byte>(packet + 12, 4);
        var address = isV6 ? BinaryPrimitives.ReadUInt128BigEndian(bytes) : NetworkOrder.ReadUInt32(packet + 12);

        // What a device says of itself comes from fe80::/10, which no peer is reached at, or from no address.
        if (address == 0 || address == _last || _noted >= MostNoted || (isV6 && (uint)(address >> 118) == 0x3FA))
        {
            return;
        }

        _last = address;
        _noted++;
        Volatile.Write(ref isV6 ? ref _v6 : ref _v4, new IPAddress(bytes));
    }

    /// <summary>Lets as many be noted again as at the beginning.</summary>
    public void Renew() => _noted = 0;
}
