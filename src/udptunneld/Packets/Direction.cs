// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>Which way a packet goes. Values follow <c>udptunnel.v1.Direction</c>.</summary>
internal enum Direction : byte
{
    /// <summary>From our TUN device to the network.</summary>
    Out = 1,

    /// <summary>From the network to our TUN device.</summary>
    In = 2,
}
