// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Counts the UDP packets that one direction passes on, and after a burst gives the processor to whoever is to take
/// them next. TCP waits for its reader, UDP does not: a socket with the kernel's default buffer holds some 250 small
/// packets and loses the rest (docs/performance.md). TCP would only be slowed down by it.
/// </summary>
internal struct UdpBurst
{
    private const int Length = 16;

    private int _packets;

    /// <summary>Packets of one flow were passed on.</summary>
    /// <param name="protocol">Their protocol.</param>
    /// <param name="packets">How many.</param>
    public void Count(byte protocol, int packets)
    {
        if (protocol == Ipv4Header.Udp)
        {
            _packets += packets;
        }
    }

    /// <summary>Lets others have the processor if there were many.</summary>
    public void GiveWay()
    {
        if (_packets >= Length)
        {
            _packets = 0;
            Thread.Yield();
        }
    }
}
