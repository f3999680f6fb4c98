// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using System.Text.Json;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>One datagram in the protocol classic, written from docs/relay-protocol.md.</summary>
internal static class HandmadeMessage
{
    /// <summary>The bytes of a message.</summary>
    /// <param name="host">What it gives as the client, right or not.</param>
    /// <param name="datagram">The datagram.</param>
    public static byte[] Of(string host, byte[] datagram) =>
        Encoding.UTF8.GetBytes(
            $$$"""{"PacketMessage":{"Host":{{{JsonSerializer.Serialize(host)}}},"Packet":"{{{Convert.ToBase64String(datagram)}}}"}}"""
                + "\n"
        );
}
