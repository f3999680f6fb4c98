// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Config;

namespace UdpTunnel.Filter;

/// <summary>
/// A set of ports as the packet path asks for it: one bit of 8 KiB, however many ranges it was written as. Immutable.
/// </summary>
internal sealed class PortBitmap
{
    private const int BitsPerWord = 64;

    private readonly ulong[] _words = new ulong[(ushort.MaxValue + 1) / BitsPerWord];

    /// <param name="ports">The ports. Port 0 is reserved (RFC 6335, section 6) and in no set.</param>
    public PortBitmap(PortSet ports)
    {
        Ports = ports;
        foreach (PortRange range in ports)
        {
            for (int port = range.First; port <= range.Last; port++)
            {
                _words[port / BitsPerWord] |= 1UL << (port % BitsPerWord);
            }
        }
    }

    /// <summary>The set that it was made from.</summary>
    public PortSet Ports { get; }

    /// <summary>Whether the port is in the set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(ushort port) => ((_words[port / BitsPerWord] >> (port % BitsPerWord)) & 1) != 0;
}
